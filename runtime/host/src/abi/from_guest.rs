//! Results: copied out of the guest's memory. Everything in here is hostile.

use wasmtime::component::{ComponentType, Lift};

use crate::abi::TimeDomain;

/// `types.buffer`
pub(crate) type Buffer = Vec<u8>;

/// `types.field`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) format: String,
    pub(crate) nullable: bool,
    pub(crate) children: u32,
}

/// `types.node`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Array {
    pub(crate) length: u32,
    #[component(name = "null-count")]
    pub(crate) null_count: u32,
    pub(crate) buffers: Vec<Buffer>,
}

/// `types.states`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct States {
    pub(crate) keys: u32,
    pub(crate) present: Buffer,
    pub(crate) columns: Vec<Array>,
}

/// `types.selection`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Selection {
    #[component(name = "all")]
    All,
    #[component(name = "none")]
    None,
    #[component(name = "rows")]
    Rows(Buffer),
}

/// `types.delta`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Delta {
    pub(crate) rows: Selection,
    pub(crate) computed: Vec<Array>,
    #[component(name = "event-times")]
    pub(crate) event_times: Buffer,
    #[component(name = "row-kinds")]
    pub(crate) row_kinds: Buffer,
}

/// `types.row-failure`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct RowFailure {
    pub(crate) row: u32,
    pub(crate) reason: String,
}

/// `types.failure`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Failure {
    #[component(name = "row")]
    Row(RowFailure),
    #[component(name = "call")]
    Call(String),
}

/// `types.kept-column`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct KeptColumn {
    pub(crate) input: u32,
    pub(crate) column: u32,
    pub(crate) name: Option<String>,
}

/// `types.output-column`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum OutputColumn {
    #[component(name = "kept")]
    Kept(KeptColumn),
    #[component(name = "computed")]
    Computed(Vec<Field>),
}

/// `types.output`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) columns: Vec<OutputColumn>,
}

/// `types.state-layout`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct StateLayout {
    pub(crate) version: u32,
    pub(crate) columns: Vec<Field>,
}

/// `types.plan`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Plan {
    pub(crate) reads: Vec<Vec<u32>>,
    #[component(name = "reads-event-times")]
    pub(crate) reads_event_times: bool,
    pub(crate) outputs: Vec<Output>,
    pub(crate) state: Option<StateLayout>,
}

/// `keyed.timers`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Timers {
    pub(crate) domain: TimeDomain,
    pub(crate) keys: Buffer,
    pub(crate) times: Buffer,
}

/// `keyed.timer-changes`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct TimerChanges {
    pub(crate) register: Vec<Timers>,
    pub(crate) delete: Vec<Timers>,
}

/// `keyed.keyed-delta`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct KeyedDelta {
    pub(crate) outputs: Vec<Delta>,
    pub(crate) changed: Selection,
    pub(crate) states: States,
    pub(crate) timers: TimerChanges,
}
