//! What goes into a guest: arguments are views of the host's own memory; results of imports share its buffers.

use wasmtime::component::{ComponentType, Lower};

use crate::abi::{ChangelogMode, SharedBytes, TimeDomain};

/// `types.field`
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) format: &'a str,
    pub(crate) nullable: bool,
    pub(crate) children: u32,
}

/// `types.input`
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Input<'a> {
    pub(crate) name: &'a str,
    pub(crate) columns: &'a [Field<'a>],
    pub(crate) keys: &'a [u32],
    pub(crate) changelog: ChangelogMode,
}

/// `types.node`
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Array<'a> {
    pub(crate) length: u32,
    #[component(name = "null-count")]
    pub(crate) null_count: u32,
    pub(crate) buffers: &'a [&'a [u8]],
}

/// `types.batch`
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Batch<'a> {
    pub(crate) rows: u32,
    pub(crate) columns: &'a [Array<'a>],
    #[component(name = "event-times")]
    pub(crate) event_times: &'a [u8],
    #[component(name = "row-kinds")]
    pub(crate) row_kinds: &'a [u8],
}

/// `types.states`
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct States<'a> {
    pub(crate) keys: u32,
    pub(crate) present: &'a [u8],
    pub(crate) columns: &'a [Array<'a>],
}

/// `keyed.timers`
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Timers<'a> {
    pub(crate) domain: TimeDomain,
    pub(crate) keys: &'a [u8],
    pub(crate) times: &'a [u8],
}

/// `keyed.clock`
#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Clock {
    pub(crate) watermark: Option<i64>,
    #[component(name = "processing-time")]
    pub(crate) processing_time: i64,
}

/// `types.node`, in a result of an import
#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct SharedArray {
    pub(crate) length: u32,
    #[component(name = "null-count")]
    pub(crate) null_count: u32,
    pub(crate) buffers: Vec<SharedBytes>,
}

/// `maps.found`
#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Found {
    pub(crate) present: Vec<u8>,
    pub(crate) values: Vec<SharedArray>,
}

/// `maps.page`
#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Page {
    pub(crate) entries: u32,
    #[component(name = "entry-keys")]
    pub(crate) entry_keys: Vec<SharedArray>,
    pub(crate) values: Vec<SharedArray>,
    pub(crate) more: bool,
}
