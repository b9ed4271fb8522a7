//! Bytes of a component into code that can be instantiated, from the cache or from the compiler. It starts no guest.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::InstancePre;

use crate::backtrace::LinesOnce;
use crate::cache::{FunctionCache, FunctionCounts};
use crate::ctx::Ctx;
use crate::exports::Exports;
use crate::features::left_off;
use crate::load::{Inspection, LoadError};
use crate::plan::World;
use crate::shared::Shared;

/// A component that can be instantiated.
pub(crate) struct Compiled {
    shared: Arc<Shared>,
    pre: InstancePre<Ctx>,
    exports: Exports,
    pub(crate) world: World,
    pub(crate) imports: Vec<String>,
    pub(crate) digest: blake3::Hash,
    pub(crate) size_bytes: u64,
    pub(crate) lines: LinesOnce,
    /// `None`: it came from the cache.
    pub(crate) cost: Option<Cost>,
}

/// What compiling it took.
pub(crate) struct Cost {
    pub(crate) time: Duration,
    pub(crate) functions: FunctionCounts,
}

impl Compiled {
    /// Takes a component from the cache, or compiles it.
    ///
    /// # Errors
    /// If it is no operator, or cannot be compiled.
    pub(crate) fn load(
        shared: Arc<Shared>,
        bytes: &[u8],
        name: &str,
        inspection: Inspection,
    ) -> Result<Self, LoadError> {
        let digest = blake3::hash(bytes);
        let (component, cost) = match cached(&shared, &digest.to_hex()) {
            Some(component) => (component, None),
            None => {
                let (component, cost) = compile(&shared, bytes, name)?;
                if let Ok(code) = component.serialize() {
                    shared.caches.components.put(&digest.to_hex(), &code);
                }
                (component, Some(cost))
            }
        };
        let Inspection { world, imports } = inspection;
        let other_types = |message: String| LoadError::OtherTypes { name: name.to_owned(), message };
        let pre = shared.linker.instantiate_pre(&component);
        let pre = pre.map_err(|e| other_types(format!("an import: {e:#}")))?;
        let exports = Exports::find(&component, world).map_err(other_types)?;
        let (size_bytes, lines) = (bytes.len() as u64, LinesOnce::of(bytes));
        Ok(Self { shared, pre, exports, world, imports, digest, size_bytes, lines, cost })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn world(&self) -> World {
        self.world
    }

    pub(crate) fn pre(&self) -> &InstancePre<Ctx> {
        &self.pre
    }

    pub(crate) fn exports(&self) -> &Exports {
        &self.exports
    }
}

fn cached(shared: &Shared, digest: &str) -> Option<wasmtime::component::Component> {
    let code = shared.caches.components.get(digest)?;
    #[expect(unsafe_code, reason = "loading native code is unsafe; what was compiled once is not compiled again")]
    // SAFETY: the cache gives only what this program wrote into its own folder, whole by its checksum, made by the same version
    // of wasmtime with the same settings.
    let component = unsafe { wasmtime::component::Component::deserialize(&shared.engine, code) };
    if component.is_err() {
        shared.caches.components.remove(digest);
    }
    component.ok()
}

fn compile(shared: &Shared, bytes: &[u8], name: &str) -> Result<(wasmtime::component::Component, Cost), LoadError> {
    #[expect(clippy::disallowed_methods, reason = "how long compiling took is told to people; no stream depends on it")]
    let started = std::time::Instant::now();
    let _told = shared.on_compile.get().map(|tell| tell(name));
    let compilation = shared.caches.functions.as_deref().map(FunctionCache::begin);
    let component = wasmtime::component::Component::from_binary(&shared.engine, bytes);
    let component = component.map_err(|error| match left_off(bytes).as_slice() {
        [] => LoadError::Invalid { name: name.to_owned(), message: format!("{error:#}") },
        features => LoadError::LeftOff { name: name.to_owned(), feature: features.join("; ") },
    })?;
    let functions = compilation.as_ref().map_or(FunctionCounts::default(), |compilation| compilation.counts());
    // Its end writes what it has added, which is a part of its time.
    drop(compilation);
    Ok((component, Cost { time: started.elapsed(), functions }))
}
