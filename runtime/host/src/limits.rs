//! The bounds of this crate that no pipeline sets, and the guard that holds an instance to those that one can.

use wasmtime::ResourceLimiter;
use weir_core::limits::OperatorLimits;

/// Names of metrics of one instance at most: each becomes a time series somewhere.
pub const METRIC_NAMES_MAX: usize = 100;
/// Bytes of a metric's name at most.
pub const METRIC_NAME_BYTES_MAX: usize = 120;
/// Bytes of one log line at most; the rest is cut off: nobody reads on.
pub const LOG_LINE_BYTES_MAX: usize = 16 << 10;
/// Bytes that a log line counts for beside its own: what it takes wherever it is kept, so that no line is free.
pub const LOG_LINE_BYTES_EXTRA: usize = 64;
/// Bytes of a failure's reason that are kept: it goes into logs and dead letters.
pub const REASON_BYTES_MAX: usize = 4096;
/// How deep a type may nest: the deepest that people write is half of it, and readers recurse.
pub const SCHEMA_DEPTH_MAX: usize = 16;
/// Nodes of a schema at most: wide tables have some hundred columns.
pub const SCHEMA_NODES_MAX: usize = 4096;
/// Bytes of a column's or an output's name at most.
pub const NAME_BYTES_MAX: usize = 1024;
/// Bytes of the JSON Schema of a configuration at most: people read it, and the largest that are written by hand are a tenth of it.
pub const CONFIG_SCHEMA_BYTES_MAX: usize = 256 << 10;
/// Outputs of an operator at most: each is an edge of the graph.
pub const OUTPUTS_MAX: usize = 64;
/// Entries that one `maps.get` may ask for: some for each row of the largest batch.
pub const MAP_GET_ENTRIES_MAX: usize = 1 << 20;
/// Entries that one `maps.scan` gives at most, whatever limit the operator names: as many as rows in the largest batch.
pub const MAP_SCAN_ENTRIES_MAX: usize = 1 << 16;
/// Bytes of the entries that one `maps.get` or `maps.scan` gives at most, as the host keeps them: a quarter of the memory that a guest
/// has by default, so that what it reads at once fits beside what it has. `scan` ends after the entry that exceeds it.
pub const MAP_READ_BYTES_MAX: usize = 16 << 20;
/// How long `describe` may take when a pipeline is checked, whatever the time of its calls may be, milliseconds: those of interpreted
/// languages take less than one second, and somebody waits.
pub const DESCRIBE_TIME_MS_MAX: u64 = 5_000;
/// Core instances in one component instance: interpreters are linked from some twenty modules.
pub(crate) const CORE_INSTANCES_MAX: usize = 64;
/// Memories of one component instance: its own and an adapter's.
pub(crate) const MEMORIES_MAX: usize = 4;
/// Tables of one component instance: the module's, and one an adapter or shim.
pub(crate) const TABLES_MAX: usize = 16;

/// How many times as long as its processor time a call may take on the clock on the wall. On a machine with thirty busy threads a core it
/// still gets all its time; a guest that gets none, as the host waits for something in its name, is ended.
pub const CALL_WALL_TIME_FACTOR: u64 = 30;
/// Bytes of compiled components in a cache folder: those of interpreters have 40 MB, so that there is room for some fifty of them. What a
/// server has beyond that is compiled again when a job needs it.
pub const COMPONENT_CACHE_BYTES_MAX: u64 = 2 << 30;
/// Compiled components in a cache folder: more than anybody has, few enough that listing them takes milliseconds.
pub const COMPONENT_CACHE_FILES_MAX: usize = 4096;
/// Bytes of compiled functions in a cache folder: those of Python and JavaScript together take 73 MB, and what changes with a script 2 MB.
pub const FUNCTION_CACHE_BYTES_MAX: u64 = 256 << 20;
/// Files of compiled functions in a cache folder, one per compilation: each compilation reads the indexes of all.
pub const FUNCTION_CACHE_FILES_MAX: usize = 512;
/// Bytes of functions that one compilation adds to a cache folder at most, so that one component does not push out all others.
pub(crate) const PACK_BYTES_MAX: usize = 128 << 20;

/// Holds one instance to its memory and tables. It says no as WebAssembly does (`memory.grow` gives -1), and remembers that it
/// did: a guest that crashes after it has run out of memory.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes: usize,
    table_elements: usize,
    memory_used: usize,
    table_used: usize,
    memory_denied: bool,
}

impl Limiter {
    pub(crate) fn new(limits: &OperatorLimits) -> Self {
        Self {
            memory_bytes: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
            table_elements: usize::try_from(limits.table_elements).unwrap_or(usize::MAX),
            memory_used: 0,
            table_used: 0,
            memory_denied: false,
        }
    }

    /// Linear memory now, bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.memory_used
    }

    /// Whether memory was refused.
    pub(crate) fn memory_denied(&self) -> bool {
        self.memory_denied
    }

    /// Whether memory was refused since this was last asked.
    pub(crate) fn take_memory_denied(&mut self) -> bool {
        std::mem::take(&mut self.memory_denied)
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.memory_used.saturating_add(desired.saturating_sub(current));
        let fits = used <= self.memory_bytes;
        // Beyond the maximum that the module itself declares nothing grows, and nothing must be accounted.
        if fits && maximum.is_none_or(|maximum| desired <= maximum) {
            self.memory_used = used;
        }
        self.memory_denied |= !fits;
        Ok(fits)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.table_used.saturating_add(desired.saturating_sub(current));
        let fits = used <= self.table_elements;
        if fits && maximum.is_none_or(|maximum| desired <= maximum) {
            self.table_used = used;
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}
