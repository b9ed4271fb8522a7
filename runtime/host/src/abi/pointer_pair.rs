//! Lists and strings of a guest, of which an empty one may come with any pointer: languages whose empty slices point nowhere (Zig)
//! need not know that the component model wants them to point into memory.

use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift};

/// `list<T>`
pub(crate) type List<T> = PointerPair<Vec<T>>;
/// `string`
pub(crate) type Text = PointerPair<String>;

/// What crosses as an address and a length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PointerPair<T>(pub(crate) T);

impl<T> From<Vec<T>> for List<T> {
    fn from(list: Vec<T>) -> Self {
        Self(list)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[expect(
    unsafe_code,
    reason = "wasmtime lets a type be written by hand only so; it says of itself what the type inside says"
)]
// SAFETY: everything is that of `T`.
unsafe impl<T: ComponentType> ComponentType for PointerPair<T> {
    type Lower = T::Lower;
    const ABI: CanonicalAbiInfo = T::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        T::typecheck(ty, types)
    }
}

#[expect(unsafe_code, reason = "as above")]
// SAFETY: a value is made as `T` makes it, or is empty; nothing is read where the length is 0.
unsafe impl<T: Lift + Default> Lift for PointerPair<T> {
    fn linear_lift_from_flat(cx: &mut LiftContext<'_>, ty: InterfaceType, src: &Self::Lower) -> wasmtime::Result<Self> {
        T::linear_lift_from_flat(cx, ty, src).map(Self)
    }

    fn linear_lift_from_memory(cx: &mut LiftContext<'_>, ty: InterfaceType, bytes: &[u8]) -> wasmtime::Result<Self> {
        // An address and a length of half the bytes each.
        let (_, length) = bytes.split_at(bytes.len() / 2);
        if length.iter().all(|byte| *byte == 0) {
            return Ok(Self::default());
        }
        T::linear_lift_from_memory(cx, ty, bytes).map(Self)
    }
}
