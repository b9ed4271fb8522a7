//! One compiled operator, from which plans and instances are made.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::InstancePre;
use weir_core::limits::OperatorLimits;

use crate::cache::{FunctionCache, FunctionCounts};
use crate::exports::Exports;
use crate::host::Host;
use crate::imports::log::NoLog;
use crate::instance::{Instance, InstanceError, InstanceSpec};
use crate::load::{Inspection, LoadError};
use crate::plan::{InputSchema, OperatorInfo, Plan, World};
use crate::sandbox::{self, Ctx, Sandbox};

/// A component that was checked and compiled. Cheap to clone.
#[derive(Clone)]
pub struct Component(Arc<Inner>);

struct Inner {
    host: Host,
    pre: InstancePre<Ctx>,
    exports: Exports,
    world: World,
    imports: Vec<String>,
    digest: blake3::Hash,
    size_bytes: u64,
    compiled: Option<Compiled>,
}

struct Compiled {
    time: Duration,
    functions: FunctionCounts,
}

impl Component {
    /// Which world it implements.
    #[must_use]
    pub fn world(&self) -> World {
        self.0.world
    }

    /// The blake3 digest of its bytes, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        self.0.digest.to_hex().to_string()
    }

    /// Names what an operator of this component and a configuration does: two with the same name do the same.
    #[must_use]
    pub fn version(&self, config: &serde_json::Value) -> String {
        let mut config_hash = blake3::hash(config.to_string().as_bytes()).to_hex().to_string();
        config_hash.truncate(16);
        format!("{}+{config_hash}", self.digest())
    }

    /// The interfaces that it imports, all of `weir:operator`.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        self.0.imports.clone()
    }

    /// Its size as a component.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.0.size_bytes
    }

    /// How long compiling it took; `None`: it came from the cache.
    #[must_use]
    pub fn compile_time(&self) -> Option<Duration> {
        self.0.compiled.as_ref().map(|compiled| compiled.time)
    }

    /// How many of its functions had to be compiled, if functions are kept; `None`: all of it came from the cache.
    #[must_use]
    pub fn compiled_functions(&self) -> Option<FunctionCounts> {
        self.0.compiled.as_ref().map(|compiled| compiled.functions)
    }

    /// What the operator says of itself, asked of an instance that is thrown away.
    ///
    /// # Errors
    /// If it fails, or what it says breaks the contract.
    pub fn about(&self) -> Result<OperatorInfo, InstanceError> {
        sandbox::about(self, &OperatorLimits::default())
    }

    /// What the operator would do with a configuration and inputs, asked of an instance that is thrown away.
    ///
    /// # Errors
    /// If it refuses them, or its plan breaks the contract.
    pub fn describe(&self, config: &serde_json::Value, inputs: &[InputSchema]) -> Result<Plan, InstanceError> {
        let (_, plan) = Sandbox::new(
            self.clone(),
            InstanceSpec {
                operator: String::new(),
                config: config.clone(),
                inputs: inputs.to_vec(),
                limits: OperatorLimits::default(),
                log: Arc::new(NoLog),
            },
        )?;
        Ok(plan)
    }

    /// An instance of its own memory, ready to be called.
    ///
    /// # Errors
    /// If the operator refuses its configuration or inputs, its plan breaks the contract, or there is no room.
    pub fn instantiate(&self, spec: InstanceSpec) -> Result<Instance, InstanceError> {
        Instance::new(self.clone(), spec)
    }

    pub(crate) fn compile(host: Host, bytes: &[u8], name: &str, inspection: Inspection) -> Result<Self, LoadError> {
        let digest = blake3::hash(bytes);
        let (component, compiled) = match cached(&host, &digest.to_hex()) {
            Some(component) => (component, None),
            None => {
                let (component, compiled) = compile(&host, bytes, name)?;
                if let Ok(code) = component.serialize() {
                    host.shared().caches.components.put(&digest.to_hex(), &code);
                }
                (component, Some(compiled))
            }
        };
        let Inspection { world, imports } = inspection;
        let other_types = |message: String| LoadError::OtherTypes { name: name.to_owned(), message };
        let pre = host.shared().linker.instantiate_pre(&component);
        let pre = pre.map_err(|e| other_types(format!("an import: {e:#}")))?;
        let exports = Exports::find(&component, world).map_err(other_types)?;
        let size_bytes = bytes.len() as u64;
        Ok(Self(Arc::new(Inner { host, pre, exports, world, imports, digest, size_bytes, compiled })))
    }

    pub(crate) fn host(&self) -> &Host {
        &self.0.host
    }

    pub(crate) fn pre(&self) -> &InstancePre<Ctx> {
        &self.0.pre
    }

    pub(crate) fn exports(&self) -> &Exports {
        &self.0.exports
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { world, imports, digest, size_bytes, .. } = &*self.0;
        f.debug_struct("Component")
            .field("world", world)
            .field("imports", imports)
            .field("digest", &digest.to_hex())
            .field("size_bytes", size_bytes)
            .finish_non_exhaustive()
    }
}

fn cached(host: &Host, digest: &str) -> Option<wasmtime::component::Component> {
    let shared = host.shared();
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

fn compile(host: &Host, bytes: &[u8], name: &str) -> Result<(wasmtime::component::Component, Compiled), LoadError> {
    #[expect(clippy::disallowed_methods, reason = "how long compiling took is told to people; no stream depends on it")]
    let started = std::time::Instant::now();
    let _told = host.shared().on_compile.get().map(|tell| tell(name));
    let compilation = host.shared().caches.functions.as_deref().map(FunctionCache::begin);
    let component = wasmtime::component::Component::from_binary(&host.shared().engine, bytes);
    let component =
        component.map_err(|error| LoadError::Invalid { name: name.to_owned(), message: format!("{error:#}") })?;
    let functions = compilation.as_ref().map_or(FunctionCounts::default(), |compilation| compilation.counts());
    // Its end writes what it has added, which is a part of its time.
    drop(compilation);
    Ok((component, Compiled { time: started.elapsed(), functions }))
}
