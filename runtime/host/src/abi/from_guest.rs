//! Results: copied out of the guest's memory. Everything in here is hostile.

use wasmtime::component::{ComponentType, Lift};

use crate::abi::{ChangelogMode, List, Text, TimeDomain};

/// `types.buffer`
pub(crate) type Buffer = List<u8>;

/// `types.field`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Field {
    pub(crate) name: Text,
    pub(crate) format: Text,
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
    pub(crate) buffers: List<Buffer>,
}

/// `types.states`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct States {
    pub(crate) keys: u32,
    pub(crate) present: Buffer,
    pub(crate) columns: List<Array>,
}

/// `types.selection`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Selection {
    #[component(name = "all")]
    All,
    #[component(name = "empty")]
    Empty,
    #[component(name = "indices")]
    Indices(Buffer),
}

/// `types.delta`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Delta {
    pub(crate) rows: Selection,
    pub(crate) computed: List<Array>,
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
    pub(crate) reason: Text,
}

/// `types.kept-column`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct KeptColumn {
    pub(crate) input: u32,
    pub(crate) column: u32,
    pub(crate) name: Option<Text>,
}

/// `types.output-column`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum OutputColumn {
    #[component(name = "kept")]
    Kept(KeptColumn),
    #[component(name = "computed")]
    Computed(List<Field>),
}

/// `types.output`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Output {
    pub(crate) name: Text,
    pub(crate) columns: List<OutputColumn>,
    pub(crate) changelog: ChangelogMode,
}

/// `types.operator-info`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct OperatorInfo {
    pub(crate) title: Option<Text>,
    #[component(name = "config-schema")]
    pub(crate) config_schema: Option<Text>,
}

/// `types.state-layout`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct StateLayout {
    pub(crate) version: u32,
    pub(crate) columns: List<Field>,
}

/// `types.map-layout`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct MapLayout {
    pub(crate) name: Text,
    pub(crate) key: List<Field>,
    pub(crate) value: List<Field>,
}

/// `types.plan`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Plan {
    pub(crate) reads: List<List<u32>>,
    #[component(name = "reads-event-times")]
    pub(crate) reads_event_times: bool,
    pub(crate) outputs: List<Output>,
    pub(crate) state: Option<StateLayout>,
    pub(crate) maps: List<MapLayout>,
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
    pub(crate) add: List<Timers>,
    pub(crate) remove: List<Timers>,
}

/// `maps.bound`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum MapBound {
    #[component(name = "unbounded")]
    Unbounded,
    #[component(name = "included")]
    Included(List<Array>),
    #[component(name = "excluded")]
    Excluded(List<Array>),
}

/// `keyed.map-changes`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct MapChanges {
    #[component(name = "map-index")]
    pub(crate) map_index: u32,
    pub(crate) keys: Buffer,
    #[component(name = "entry-keys")]
    pub(crate) entry_keys: List<Array>,
    pub(crate) present: Buffer,
    pub(crate) values: List<Array>,
}

/// `keyed.keyed-delta`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct KeyedDelta {
    pub(crate) outputs: List<Delta>,
    pub(crate) rejected: List<RowFailure>,
    pub(crate) changed: Selection,
    pub(crate) states: States,
    pub(crate) maps: List<MapChanges>,
    pub(crate) timers: TimerChanges,
}

/// `transform.transform-delta`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct TransformDelta {
    pub(crate) outputs: List<Delta>,
    pub(crate) rejected: List<RowFailure>,
}

/// `aggregate.accumulated`
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Accumulated {
    pub(crate) accumulators: List<Array>,
    pub(crate) rejected: List<RowFailure>,
}
