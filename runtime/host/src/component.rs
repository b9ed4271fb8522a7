//! One compiled operator, from which plans and instances are made.

use std::sync::Arc;
use std::time::Duration;

use weir_core::limits::OperatorLimits;

use crate::cache::FunctionCounts;
use crate::compiled::Compiled;
use crate::imports::log::NoLog;
use crate::instance::Instance;
use crate::limits::DESCRIBE_TIME_MS_MAX;
use crate::load::{Inspection, LoadError};
use crate::plan::{InputSchema, OperatorInfo, Plan, World};
use crate::sandbox::{self, Sandbox};
use crate::shared::Shared;
use crate::spec::{InstanceError, InstanceSpec};

/// A component that was checked and compiled. Cheap to clone.
#[derive(Clone)]
pub struct Component(Arc<Compiled>);

impl Component {
    pub(crate) fn compile(
        shared: Arc<Shared>,
        bytes: &[u8],
        name: &str,
        inspection: Inspection,
    ) -> Result<Self, LoadError> {
        Ok(Self(Arc::new(Compiled::load(shared, bytes, name, inspection)?)))
    }

    /// Which world it implements.
    #[must_use]
    pub fn world(&self) -> World {
        self.0.world
    }

    /// Whether it is an aggregate whose rows can be taken back: it exports `weir:updating/retract`.
    #[must_use]
    pub fn retracts(&self) -> bool {
        self.0.exports().retracts()
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
        self.0.cost.as_ref().map(|cost| cost.time)
    }

    /// How many of its functions had to be compiled, if functions are kept; `None`: all of it came from the cache.
    #[must_use]
    pub fn compiled_functions(&self) -> Option<FunctionCounts> {
        self.0.cost.as_ref().map(|cost| cost.functions)
    }

    /// What the operator says of itself, asked of an instance that is thrown away.
    ///
    /// # Errors
    /// If it fails, or what it says breaks the contract.
    pub fn about(&self) -> Result<OperatorInfo, InstanceError> {
        sandbox::about(&self.0, &OperatorLimits::default())
    }

    /// What the operator would do with a configuration and inputs, asked of an instance that is thrown away, within these
    /// limits and [`DESCRIBE_TIME_MS_MAX`].
    ///
    /// # Errors
    /// If it refuses them, or its plan breaks the contract.
    pub fn describe(
        &self,
        config: &serde_json::Value,
        inputs: &[InputSchema],
        limits: &OperatorLimits,
    ) -> Result<Plan, InstanceError> {
        let (_, plan) = Sandbox::new(
            Arc::clone(&self.0),
            InstanceSpec {
                operator: String::new(),
                config: config.clone(),
                inputs: inputs.to_vec(),
                limits: OperatorLimits {
                    call_time_ms: limits.call_time_ms.min(DESCRIBE_TIME_MS_MAX),
                    ..limits.clone()
                },
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
        Instance::new(Arc::clone(&self.0), spec)
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Compiled { world, imports, digest, size_bytes, .. } = &*self.0;
        f.debug_struct("Component")
            .field("world", world)
            .field("imports", imports)
            .field("digest", &digest.to_hex())
            .field("size_bytes", size_bytes)
            .finish_non_exhaustive()
    }
}
