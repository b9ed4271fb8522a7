//! Bytes of the host that an import gives back: an import's result owns what it is made of, and these are copied only into the
//! guest's memory.

use std::mem::MaybeUninit;

use arrow::buffer::Buffer;
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LowerContext};
use wasmtime::component::{ComponentType, Lower};

/// `list<u8>` of a buffer.
#[derive(Clone, Debug)]
pub(crate) struct SharedBytes(pub(crate) Buffer);

#[expect(unsafe_code, reason = "wasmtime lets a type be written by hand only so; it says of itself what a slice says")]
// SAFETY: everything is that of `[u8]`.
unsafe impl ComponentType for SharedBytes {
    type Lower = <[u8] as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = <[u8] as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        <[u8] as ComponentType>::typecheck(ty, types)
    }
}

#[expect(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Lower for SharedBytes {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        self.0.as_slice().linear_lower_to_flat(cx, ty, dst)
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        self.0.as_slice().linear_lower_to_memory(cx, ty, offset)
    }
}
