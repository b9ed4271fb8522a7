//! One guest in its own store: started, called within its limits, dropped after a crash and started again. It knows calls, not
//! what they mean.

use std::sync::Arc;

use wasmtime::component::{ComponentNamedList, Lift, Lower, TypedFunc};
use wasmtime::{Store, Trap};
use weir_core::limits::OperatorLimits;

use crate::abi::{ChangelogMode, to_guest};
use crate::backtrace;
use crate::call_error::{CallError, LAST_LOG_LINE, cut_reason};
use crate::call_time::{CallTime, Exceeded, FIRST_LOOK_TICKS};
use crate::compiled::Compiled;
use crate::ctx::Ctx;
use crate::exports::{Describe, Functions};
use crate::imports::log::{LogCtx, printable};
use crate::imports::maps::{LentMaps, MapsCtx};
use crate::imports::metrics::GuestMetrics;
use crate::limits::Limiter;
use crate::plan::{InputSchema, OperatorInfo, Plan};
use crate::plan_check;
use crate::schema::{Node, flatten};
use crate::spec::{InstanceError, InstanceSpec};

/// A guest that is there when it is needed.
pub(crate) struct Sandbox {
    component: Arc<Compiled>,
    limits: OperatorLimits,
    /// JSON, as `describe` gets it.
    config: String,
    inputs: Vec<InputSchema>,
    nodes: Vec<Vec<Node>>,
    keys: Vec<Vec<u32>>,
    guest: Guest,
}

enum Guest {
    Running(Store<Ctx>, Functions),
    /// It was lost; what it logged and counted lives on.
    Lost(Option<Box<Ctx>>),
}

impl Sandbox {
    /// Starts a guest and asks it for its plan.
    ///
    /// # Errors
    /// If it refuses, fails, or its plan is invalid.
    pub(crate) fn new(component: Arc<Compiled>, spec: InstanceSpec) -> Result<(Self, Plan), InstanceError> {
        let InstanceSpec { operator, config, inputs, limits, log } = spec;
        if inputs.is_empty() {
            return Err(InstanceError::NoInput);
        }
        let unreadable = |(input, InputSchema { schema, keys, .. }): (usize, &InputSchema)| {
            if let Some(key) = keys.iter().find(|&&key| key >= schema.fields().len()) {
                return Err(InstanceError::Input {
                    input,
                    message: format!("it is keyed by column {key}, and has none"),
                });
            }
            flatten(schema.fields()).map_err(|message| InstanceError::Input { input, message })
        };
        let nodes = inputs.iter().enumerate().map(unreadable).collect::<Result<_, _>>()?;
        let keys =
            inputs.iter().map(|input| input.keys.iter().map(|&key| crate::lower::count(key)).collect()).collect();
        let seconds = component.shared().ticker.seconds();
        let log = LogCtx::builder(operator).sink(log).limit(limits.log_bytes_per_s, seconds).build();
        let ctx = Ctx {
            limiter: Limiter::new(&limits),
            time: CallTime::new(limits.call_time_ms),
            log,
            metrics: GuestMetrics::default(),
            maps: MapsCtx::default(),
            lines: component.lines.clone(),
        };
        let mut sandbox = Self {
            config: config.to_string(),
            guest: Guest::Lost(Some(Box::new(ctx))),
            component,
            limits,
            inputs,
            nodes,
            keys,
        };
        let plan = sandbox.start()?;
        Ok((sandbox, plan))
    }

    pub(crate) fn limits(&self) -> &OperatorLimits {
        &self.limits
    }

    /// What the guest counted since the beginning, over all its lives.
    pub(crate) fn metrics(&self) -> Option<&GuestMetrics> {
        self.ctx().map(|ctx| &ctx.metrics)
    }

    /// Linear memory of the guest, bytes; of one that was lost, none.
    pub(crate) fn memory_bytes(&self) -> u64 {
        match &self.guest {
            Guest::Running(store, _) => store.data().limiter.memory_used() as u64,
            Guest::Lost(_) => 0,
        }
    }

    /// Lines that the guest logged beyond its limit.
    pub(crate) fn log_lines_dropped(&self) -> u64 {
        self.ctx().map_or(0, |ctx| ctx.log.lines_dropped())
    }

    fn ctx(&self) -> Option<&Ctx> {
        match &self.guest {
            Guest::Running(store, _) => Some(store.data()),
            Guest::Lost(ctx) => ctx.as_deref(),
        }
    }

    /// The functions of a running guest; starts it again if it was lost, and holds it to its plan.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn functions(&mut self, plan: &Plan) -> Result<Functions, CallError> {
        if let Guest::Running(_, functions) = &self.guest {
            return Ok(*functions);
        }
        let again = self.start().map_err(|error| CallError::Instance(Box::new(error)))?;
        match &self.guest {
            Guest::Running(_, functions) if again == *plan => Ok(*functions),
            _ => {
                self.drop_guest();
                Err(CallError::Instance(Box::new(InstanceError::PlanChanged)))
            }
        }
    }

    /// Calls a function of the running guest. If the guest fails it is dropped.
    ///
    /// # Errors
    /// How it failed.
    pub(crate) fn call<P, R>(&mut self, function: TypedFunc<P, (R,)>, arguments: P) -> Result<R, CallError>
    where
        P: Lower + ComponentNamedList,
        (R,): Lift + ComponentNamedList,
    {
        let Guest::Running(store, _) = &mut self.guest else {
            return Err(CallError::Arguments("the guest is not running".into()));
        };
        begin(store);
        match function.call(&mut *store, arguments) {
            Ok((result,)) => Ok(result),
            Err(error) => {
                let error = call_error(&error, store, &self.limits);
                self.drop_guest();
                Err(error)
            }
        }
    }

    /// As [`Sandbox::call`], with maps that the guest may read until the call ends, also if it fails.
    ///
    /// # Errors
    /// As [`Sandbox::call`].
    pub(crate) fn call_with_maps<P, R>(
        &mut self,
        function: TypedFunc<P, (R,)>,
        arguments: P,
        maps: Option<LentMaps>,
    ) -> Result<R, CallError>
    where
        P: Lower + ComponentNamedList,
        (R,): Lift + ComponentNamedList,
    {
        if let Guest::Running(store, _) = &mut self.guest {
            store.data_mut().maps.lend(maps);
        }
        let result = self.call(function, arguments);
        match &mut self.guest {
            Guest::Running(store, _) => store.data_mut().maps.take_back(),
            Guest::Lost(Some(ctx)) => ctx.maps.take_back(),
            Guest::Lost(None) => {}
        }
        result
    }

    fn drop_guest(&mut self) {
        if let Guest::Running(store, _) = std::mem::replace(&mut self.guest, Guest::Lost(None)) {
            self.guest = Guest::Lost(Some(Box::new(store.into_data())));
        }
    }

    fn start(&mut self) -> Result<Plan, InstanceError> {
        let Guest::Lost(Some(ctx)) = std::mem::replace(&mut self.guest, Guest::Lost(None)) else {
            return Err(InstanceError::Unavailable("the guest's context is lost".into()));
        };
        let mut store = guest_store(&self.component, *ctx, &self.limits);
        let started = self.component.pre().instantiate(&mut store);
        let bound = started.and_then(|instance| self.component.exports().bind(&mut store, &instance));
        let (describe, functions) = match bound {
            Ok(bound) => bound,
            Err(error) => {
                let error = start_error(&error, &mut store, &self.limits);
                self.guest = Guest::Lost(Some(Box::new(store.into_data())));
                return Err(error);
            }
        };
        self.guest = Guest::Running(store, functions);
        let plan = self.describe(describe);
        if plan.is_err() {
            self.drop_guest();
        }
        plan
    }

    fn describe(&mut self, describe: Describe) -> Result<Plan, InstanceError> {
        let Guest::Running(store, _) = &mut self.guest else {
            return Err(InstanceError::Unavailable("the guest is not running".into()));
        };
        let fields = self.nodes.iter().map(|nodes| fields(nodes)).collect::<Vec<_>>();
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for ((InputSchema { name, .. }, columns), keys) in self.inputs.iter().zip(&fields).zip(&self.keys) {
            inputs.push(to_guest::Input { name, columns, keys, changelog: ChangelogMode::InsertOnly });
        }
        begin(store);
        let (answer,) = describe
            .call(&mut *store, (self.config.as_str(), inputs.as_slice()))
            .map_err(|error| InstanceError::Guest(call_error(&error, store, &self.limits).to_string()))?;
        let plan = answer.map_err(|reason| InstanceError::Refused(cut_reason(reason.0)))?;
        plan_check::check(plan, &self.inputs, self.component.world()).map_err(InstanceError::InvalidPlan)
    }
}

/// What an operator says of itself, asked of a guest that is thrown away.
///
/// # Errors
/// If there is no room, it fails, or what it says breaks the contract.
pub(crate) fn about(component: &Compiled, limits: &OperatorLimits) -> Result<OperatorInfo, InstanceError> {
    let ctx = Ctx {
        limiter: Limiter::new(limits),
        time: CallTime::new(limits.call_time_ms),
        log: LogCtx::builder(String::new()).build(),
        metrics: GuestMetrics::default(),
        maps: MapsCtx::default(),
        lines: component.lines.clone(),
    };
    let mut store = guest_store(component, ctx, limits);
    let started = component.pre().instantiate(&mut store);
    let about = started.and_then(|instance| component.exports().bind_about(&mut store, &instance));
    let about = about.map_err(|error| start_error(&error, &mut store, limits))?;
    begin(&mut store);
    let (info,) = about
        .call(&mut store, ())
        .map_err(|error| InstanceError::Guest(call_error(&error, &mut store, limits).to_string()))?;
    plan_check::check_info(info).map_err(InstanceError::InvalidInfo)
}

/// A store with a guest's bounds, its time already running.
fn guest_store(component: &Compiled, ctx: Ctx, limits: &OperatorLimits) -> Store<Ctx> {
    let mut store = Store::new(component.pre().engine(), ctx);
    store.data_mut().limiter = Limiter::new(limits);
    store.limiter(|ctx| &mut ctx.limiter);
    store.set_hostcall_fuel(usize::try_from(limits.output_bytes).unwrap_or(usize::MAX));
    store.epoch_deadline_callback(|mut store| Ok(store.data_mut().time.look()));
    begin(&mut store);
    store
}

/// A schema's nodes as arguments.
pub(crate) fn fields(nodes: &[Node]) -> Vec<to_guest::Field<'_>> {
    fn field(node: &Node) -> to_guest::Field<'_> {
        let Node { name, format, nullable, children } = node;
        to_guest::Field { name, format, nullable: *nullable, children: *children }
    }
    nodes.iter().map(field).collect()
}

/// Before every call: its time begins, and what was refused or logged in a call before is no reason for a failure of this one.
fn begin(store: &mut Store<Ctx>) {
    store.set_epoch_deadline(FIRST_LOOK_TICKS);
    store.data_mut().time.begin();
    store.data_mut().limiter.take_memory_denied();
    store.data_mut().log.take_last_error();
}

fn call_error(error: &wasmtime::Error, store: &mut Store<Ctx>, limits: &OperatorLimits) -> CallError {
    let memory_denied = store.data_mut().limiter.take_memory_denied();
    let place = |store: &Store<Ctx>| backtrace::innermost(error, &store.data().lines);
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::Interrupt) {
        return match store.data().time.exceeded() {
            Some(Exceeded::WallTime { limit_ms }) => CallError::Stalled { limit_ms },
            Some(Exceeded::ProcessorTime) | None => {
                CallError::TimeOut { limit_ms: limits.call_time_ms, place: place(store) }
            }
        };
    }
    if memory_denied {
        return CallError::MemoryLimit { limit_bytes: limits.memory_bytes, place: place(store) };
    }
    if let Some(trap) = trap {
        let trap = trap.to_string();
        let what = trap.strip_prefix("wasm trap: ").unwrap_or(&trap);
        let said = store.data_mut().log.take_last_error();
        let said = said.map_or_else(String::new, |line| format!("{LAST_LOG_LINE}{}", cut_reason(printable(&line))));
        return CallError::Trap { message: format!("{what}{}{said}", place(store)) };
    }
    let cause = error.root_cause().to_string();
    // wasmtime gives this error no type of its own; a test holds us to its text.
    if cause.contains("fuel allocated for hostcalls") {
        return CallError::OutputBytes { limit_bytes: limits.output_bytes };
    }
    CallError::InvalidOutput(cause)
}

fn start_error(error: &wasmtime::Error, store: &mut Store<Ctx>, limits: &OperatorLimits) -> InstanceError {
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return InstanceError::Unavailable(format!(
            "{}: lower the parallelism, or run fewer operators in this process",
            error.root_cause()
        ));
    }
    if error.is::<Trap>() || store.data_mut().limiter.memory_denied() {
        return InstanceError::Guest(call_error(error, store, limits).to_string());
    }
    InstanceError::Unavailable(format!("{error:#}"))
}
