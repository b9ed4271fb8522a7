//! The contract's types and functions. Made by bindings.py of the files in wit/: do not edit.

/// A list as the canonical ABI has it in memory. An empty one may have any pointer.
pub fn List(comptime T: type) type {
    return extern struct {
        ptr: [*]const T,
        len: usize,

        pub const empty: @This() = .of(&.{});

        pub fn of(items: []const T) @This() {
            return .{ .ptr = items.ptr, .len = items.len };
        }

        pub fn slice(self: @This()) []const T {
            return if (self.len == 0) &.{} else self.ptr[0..self.len];
        }
    };
}

pub const String = List(u8);

pub fn Option(comptime T: type) type {
    return extern struct {
        is_some: bool,
        value: T,

        pub const none: @This() = .{ .is_some = false, .value = undefined };

        pub fn some(value: T) @This() {
            return .{ .is_some = true, .value = value };
        }
    };
}

pub fn Result(comptime T: type) type {
    return extern struct {
        is_error: bool,
        payload: extern union { ok: T, message: String },

        pub fn ok(value: T) @This() {
            return .{ .is_error = false, .payload = .{ .ok = value } };
        }

        pub fn err(message: []const u8) @This() {
            return .{ .is_error = true, .payload = .{ .message = .of(message) } };
        }
    };
}

/// Schemas, columns, and what an operator answers.
pub const types = struct {
    /// Packed values in Arrow's layout; what they are is said where it is used. Empty where it says "may be empty".
    pub const Buffer = List(u8);

    /// One node of a schema. `format` is a format string of the Arrow C data interface (`l` = int64, `u` = utf8, `tsu:UTC` =
    /// timestamp in microseconds, UTC, `+l` = list, `+s` = struct, ...); the next `children` subtrees are its children.
    pub const Field = extern struct {
        /// The column's name; of a list's child: `item`.
        name: String,
        /// The type, as the Arrow C data interface writes it.
        format: String,
        /// Whether it may hold nulls.
        nullable: bool,
        /// How many direct children follow.
        children: u32,
    };

    /// Fields in pre-order: each root is followed by its children.
    pub const Schema = List(Field);

    /// One node of a column: `buffers` as Arrow orders them for the format, validity first (one bit per value, least significant
    /// first; may be empty: no nulls). The offset is 0. Booleans are bits; offsets are int32 and start at 0.
    pub const Node = extern struct {
        /// Values of this node; a list's child has as many as the list's last offset says.
        length: u32,
        /// How many of them are null.
        null_count: u32,
        /// Two for fixed-width types (validity, values), three for utf8 and binary (validity, offsets, bytes), two for lists
        /// (validity, offsets), one for structs (validity).
        buffers: List(Buffer),
    };

    /// Rows of one input: the columns that `plan.reads` asked for, nodes in pre-order.
    pub const Batch = extern struct {
        /// Rows in this batch; every root column has this length.
        rows: u32,
        /// The columns, in the order of `plan.reads`.
        columns: List(Node),
        /// int64 per row, microseconds since the epoch; may be empty: not asked for.
        event_times: Buffer,
        /// uint8 per row: 0 insert, 1 update-before, 2 update-after, 3 delete; may be empty: all inserts.
        row_kinds: Buffer,
    };

    /// One state row per distinct key (or group) of a call.
    pub const States = extern struct {
        /// How many keys (or groups).
        keys: u32,
        /// One bit per key, least significant first: whether it has a state; its columns are null where it has none. May be empty:
        /// all have one.
        present: Buffer,
        /// The columns of `state-layout`, one row per key, nodes in pre-order.
        columns: List(Node),
    };

    /// Which input rows are meant, in which order: of a delta, the row that each output row comes from.
    pub const Selection = extern struct {
        tag: Tag,
        payload: extern union { indices: Buffer } = undefined,

        pub const Tag = enum(u8) {
            /// Every row, once, in order.
            all,
            /// No row.
            empty,
            /// uint32 per output row; an index may repeat (flat-map) or be missing (filter).
            indices,
        };
    };

    /// What one output gets of one call.
    pub const Delta = extern struct {
        /// The input rows that the output rows come from; the host carries the kept columns over by it.
        rows: Selection,
        /// The computed columns of this output, nodes in pre-order, one entry per output row.
        computed: List(Node),
        /// int64 per output row, microseconds since the epoch; may be empty: those of the rows it comes from.
        event_times: Buffer,
        /// uint8 per output row; may be empty: those of the rows it comes from.
        row_kinds: Buffer,
    };

    /// One row (or timer) that an operator refuses. It costs nobody else anything: the rest of the batch is processed in the same call.
    pub const RowFailure = extern struct {
        /// Its index in the call.
        row: u32,
        /// Why, for the person who reads the log or the dead letters.
        reason: String,
    };

    /// Which kinds of rows a stream has.
    pub const ChangelogMode = enum(u8) {
        /// Inserts only.
        insert_only,
        /// Inserts, update-afters and deletes by key; no update-befores.
        upsert,
        /// All kinds: every update-before takes back a row that came earlier.
        retract,
    };

    /// A column that the host carries over by itself. It need not be read. It is null in rows that come from another input, and
    /// in rows that a timer emits, if it is not a key column.
    pub const KeptColumn = extern struct {
        /// Which input it comes from.
        input: u32,
        /// Its index in that input's schema.
        column: u32,
        /// A new name; none: as it was.
        name: Option(String),
    };

    /// One column of an output.
    pub const OutputColumn = extern struct {
        tag: Tag,
        payload: extern union { kept: KeptColumn, computed: Schema } = undefined,

        pub const Tag = enum(u8) {
            /// A column of an input, which the host carries over by itself.
            kept,
            /// A column that the operator makes: one root and its children.
            computed,
        };
    };

    /// One output of an operator.
    pub const Output = extern struct {
        /// The main output's name is "main"; a side output's name is what pipelines call it by.
        name: String,
        /// Its columns, in order.
        columns: List(OutputColumn),
        /// The kinds of its rows. `insert-only` is all that Weir takes so far.
        changelog: ChangelogMode,
    };

    /// How an operator's state looks.
    pub const StateLayout = extern struct {
        /// Raised by the author whenever the columns change their meaning; `keyed.migrate` bridges versions.
        version: u32,
        /// One column per field.
        columns: Schema,
    };

    /// State per key that does not come with every call: the operator reads the entries that it needs by `maps`.
    pub const MapLayout = extern struct {
        /// What checkpoints know it by: 1 to 64 ASCII letters, digits, `-` and `_`. A map whose columns change needs another name.
        name: String,
        /// The columns that an entry is found by, at least one. Entries are in their order: by the first column, then the next;
        /// ascending, nulls first, text and binary by bytes, floating-point numbers in total order.
        key: Schema,
        /// The columns of an entry's value; may be empty: a set.
        value: Schema,
    };

    /// One input that the operator is connected to.
    pub const Input = extern struct {
        /// What the operator knows it by. An operator with one input has it as "main".
        name: String,
        /// The columns of its rows.
        columns: Schema,
        /// Indices of the columns that it is keyed by; empty: not keyed.
        keys: List(u32),
        /// The kinds of its rows: what `batch.row-kinds` may hold.
        changelog: ChangelogMode,
    };

    /// What an operator says of itself, whatever its configuration and inputs: for tools, and for people who choose or configure it.
    pub const OperatorInfo = extern struct {
        /// A short name for people.
        title: Option(String),
        /// What `config` may be: a JSON Schema, as JSON. It is shown and checked by tools; the operator itself checks what it is given.
        config_schema: Option(String),
    };

    /// What an operator does with its inputs; the answer of `describe`.
    pub const Plan = extern struct {
        /// For every input the indices of the columns that are passed in, in this order.
        reads: List(List(u32)),
        /// Whether `batch.event-times` is wanted.
        reads_event_times: bool,
        /// The first is the main output, the others are side outputs.
        outputs: List(Output),
        /// For keyed operators and aggregates.
        state: Option(StateLayout),
        /// For keyed operators.
        maps: List(MapLayout),
    };
};

/// A user-defined aggregate; the host owns windows, groups and accumulators.
pub const aggregate = struct {
    /// What one call of `accumulate` gives.
    pub const Accumulated = extern struct {
        /// The columns of all accumulators of the call, one row per group; all are present.
        accumulators: List(types.Node),
        /// Rows that the operator refuses, each at most once, in any order. The accumulators are what they would be without them.
        rejected: List(types.RowFailure),
    };

    /// Exports the interface. `I` has its functions with the types of `Function`, and `postReturn`, which is called when the
    /// host has read an answer.
    pub fn exportAs(comptime I: type) void {
        const exports = struct {
            var about_answer: types.OperatorInfo = undefined;
            fn about() callconv(.c) *const types.OperatorInfo {
                about_answer = I.about();
                return &about_answer;
            }
            var describe_answer: Result(types.Plan) = undefined;
            fn describe(config_ptr: [*]const u8, config_len: usize, inputs_ptr: [*]const types.Input, inputs_len: usize) callconv(.c) *const Result(types.Plan) {
                describe_answer = I.describe(.{ .ptr = config_ptr, .len = config_len }, .{ .ptr = inputs_ptr, .len = inputs_len });
                return &describe_answer;
            }
            var accumulate_answer: Result(Accumulated) = undefined;
            fn accumulate(rows_rows: u32, rows_columns_ptr: [*]const types.Node, rows_columns_len: usize, rows_event_times_ptr: [*]const u8, rows_event_times_len: usize, rows_row_kinds_ptr: [*]const u8, rows_row_kinds_len: usize, group_of_row_ptr: [*]const u8, group_of_row_len: usize, accumulators_keys: u32, accumulators_present_ptr: [*]const u8, accumulators_present_len: usize, accumulators_columns_ptr: [*]const types.Node, accumulators_columns_len: usize) callconv(.c) *const Result(Accumulated) {
                accumulate_answer = I.accumulate(.{ .rows = rows_rows, .columns = .{ .ptr = rows_columns_ptr, .len = rows_columns_len }, .event_times = .{ .ptr = rows_event_times_ptr, .len = rows_event_times_len }, .row_kinds = .{ .ptr = rows_row_kinds_ptr, .len = rows_row_kinds_len } }, .{ .ptr = group_of_row_ptr, .len = group_of_row_len }, .{ .keys = accumulators_keys, .present = .{ .ptr = accumulators_present_ptr, .len = accumulators_present_len }, .columns = .{ .ptr = accumulators_columns_ptr, .len = accumulators_columns_len } });
                return &accumulate_answer;
            }
            var merge_answer: Result(List(types.Node)) = undefined;
            fn merge(left_keys: u32, left_present_ptr: [*]const u8, left_present_len: usize, left_columns_ptr: [*]const types.Node, left_columns_len: usize, right_keys: u32, right_present_ptr: [*]const u8, right_present_len: usize, right_columns_ptr: [*]const types.Node, right_columns_len: usize) callconv(.c) *const Result(List(types.Node)) {
                merge_answer = I.merge(.{ .keys = left_keys, .present = .{ .ptr = left_present_ptr, .len = left_present_len }, .columns = .{ .ptr = left_columns_ptr, .len = left_columns_len } }, .{ .keys = right_keys, .present = .{ .ptr = right_present_ptr, .len = right_present_len }, .columns = .{ .ptr = right_columns_ptr, .len = right_columns_len } });
                return &merge_answer;
            }
            var finish_answer: Result(List(types.Node)) = undefined;
            fn finish(accumulators_keys: u32, accumulators_present_ptr: [*]const u8, accumulators_present_len: usize, accumulators_columns_ptr: [*]const types.Node, accumulators_columns_len: usize) callconv(.c) *const Result(List(types.Node)) {
                finish_answer = I.finish(.{ .keys = accumulators_keys, .present = .{ .ptr = accumulators_present_ptr, .len = accumulators_present_len }, .columns = .{ .ptr = accumulators_columns_ptr, .len = accumulators_columns_len } });
                return &finish_answer;
            }
            fn postReturn(_: *const anyopaque) callconv(.c) void {
                I.postReturn();
            }
        };
        @export(&exports.about, .{ .name = "weir:operator/aggregate@0.1.0#about" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/aggregate@0.1.0#about" });
        @export(&exports.describe, .{ .name = "weir:operator/aggregate@0.1.0#describe" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/aggregate@0.1.0#describe" });
        @export(&exports.accumulate, .{ .name = "weir:operator/aggregate@0.1.0#accumulate" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/aggregate@0.1.0#accumulate" });
        @export(&exports.merge, .{ .name = "weir:operator/aggregate@0.1.0#merge" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/aggregate@0.1.0#merge" });
        @export(&exports.finish, .{ .name = "weir:operator/aggregate@0.1.0#finish" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/aggregate@0.1.0#finish" });
    }
};

/// State and timers per key.
pub const keyed = struct {
    /// Which clock a timer follows.
    pub const TimeDomain = enum(u8) {
        /// The watermark.
        event_time,
        /// The wall clock. A timer that is past fires at once, also after a restart. At the end of the input these timers do not fire.
        processing_time,
    };

    /// Timers of one domain.
    pub const Timers = extern struct {
        /// The clock that they follow.
        domain: TimeDomain,
        /// uint32 per timer: the key, an index into `states`.
        keys: types.Buffer,
        /// int64 per timer, microseconds since the epoch. It is due when its clock reaches it (a watermark W: time <= W).
        times: types.Buffer,
    };

    /// A timer is one (domain, key, time): adding it twice is adding it once. Both lists may have timers of both domains.
    pub const TimerChanges = extern struct {
        /// New timers.
        add: List(Timers),
        /// Timers to forget; those that do not exist are ignored.
        remove: List(Timers),
    };

    /// Changes to entries of one map.
    pub const MapChanges = extern struct {
        /// The map, an index into `plan.maps`.
        map_index: u32,
        /// uint32 per change: the key, an index into `states`.
        keys: types.Buffer,
        /// The keys of the entries, one row per change. Of several changes to one entry the last counts.
        entry_keys: List(types.Node),
        /// One bit per change, least significant first: whether the entry has these values now; else it is removed, if it is there.
        /// May be empty: all have.
        present: types.Buffer,
        /// The values, one row per change; null where the entry is removed.
        values: List(types.Node),
    };

    /// What one call changes. It is applied in full or not at all.
    pub const KeyedDelta = extern struct {
        /// One delta per output, in the order of `plan.outputs`.
        outputs: List(types.Delta),
        /// Rows that the operator refuses (of `process`: their indices in the batch) or timers (of `on-timer`: their indices in
        /// `due`), each at most once, in any order. `on-error` of the pipeline says what becomes of them. A refused row or timer leaves
        /// no trace: outputs, states, maps and timers are what they would be without it. A refused timer has fired: it does not come again.
        rejected: List(types.RowFailure),
        /// Which keys' states changed (`indices` holds key indices, each at most once), ...
        changed: types.Selection,
        /// ... and what they are now: one row per changed key; one that is not present is removed.
        states: types.States,
        /// Changes to maps, at most one entry per map.
        maps: List(MapChanges),
        /// Timers, by the key indices of this call; removals are applied first.
        timers: TimerChanges,
    };

    /// The time of a call.
    pub const Clock = extern struct {
        /// Microseconds since the epoch; none before the first watermark.
        watermark: Option(i64),
        /// Microseconds since the epoch.
        processing_time: i64,
    };

    /// Exports the interface. `I` has its functions with the types of `Function`, and `postReturn`, which is called when the
    /// host has read an answer.
    pub fn exportAs(comptime I: type) void {
        const exports = struct {
            var about_answer: types.OperatorInfo = undefined;
            fn about() callconv(.c) *const types.OperatorInfo {
                about_answer = I.about();
                return &about_answer;
            }
            var describe_answer: Result(types.Plan) = undefined;
            fn describe(config_ptr: [*]const u8, config_len: usize, inputs_ptr: [*]const types.Input, inputs_len: usize) callconv(.c) *const Result(types.Plan) {
                describe_answer = I.describe(.{ .ptr = config_ptr, .len = config_len }, .{ .ptr = inputs_ptr, .len = inputs_len });
                return &describe_answer;
            }
            var process_answer: Result(KeyedDelta) = undefined;
            fn process(all: *const extern struct { input: u32, rows: types.Batch, key_of_row: types.Buffer, states: types.States, now: Clock }) callconv(.c) *const Result(KeyedDelta) {
                process_answer = I.process(all.input, all.rows, all.key_of_row, all.states, all.now);
                return &process_answer;
            }
            var on_timer_answer: Result(KeyedDelta) = undefined;
            fn onTimer(all: *const extern struct { due: Timers, keys: types.Batch, states: types.States, now: Clock }) callconv(.c) *const Result(KeyedDelta) {
                on_timer_answer = I.onTimer(all.due, all.keys, all.states, all.now);
                return &on_timer_answer;
            }
            var migrate_answer: Result(List(types.Node)) = undefined;
            fn migrate(from_version: u32, layout_ptr: [*]const types.Field, layout_len: usize, states_keys: u32, states_present_ptr: [*]const u8, states_present_len: usize, states_columns_ptr: [*]const types.Node, states_columns_len: usize) callconv(.c) *const Result(List(types.Node)) {
                migrate_answer = I.migrate(from_version, .{ .ptr = layout_ptr, .len = layout_len }, .{ .keys = states_keys, .present = .{ .ptr = states_present_ptr, .len = states_present_len }, .columns = .{ .ptr = states_columns_ptr, .len = states_columns_len } });
                return &migrate_answer;
            }
            fn postReturn(_: *const anyopaque) callconv(.c) void {
                I.postReturn();
            }
        };
        @export(&exports.about, .{ .name = "weir:operator/keyed@0.1.0#about" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/keyed@0.1.0#about" });
        @export(&exports.describe, .{ .name = "weir:operator/keyed@0.1.0#describe" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/keyed@0.1.0#describe" });
        @export(&exports.process, .{ .name = "weir:operator/keyed@0.1.0#process" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/keyed@0.1.0#process" });
        @export(&exports.onTimer, .{ .name = "weir:operator/keyed@0.1.0#on-timer" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/keyed@0.1.0#on-timer" });
        @export(&exports.migrate, .{ .name = "weir:operator/keyed@0.1.0#migrate" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/keyed@0.1.0#migrate" });
    }
};

/// Lines for the operator's log, limited in rate and size.
pub const log = struct {
    /// How much a line matters.
    pub const Level = enum(u8) {
        trace,
        debug,
        info,
        warn,
        @"error",
    };

    /// Writes one line; what exceeds the limits is dropped and counted.
    pub fn log(level: Level, message: String) void {
        const core = struct {
            extern "weir:operator/log@0.1.0" fn log(level: u32, message_ptr: [*]const u8, message_len: usize) void;
        };
        core.log(@backingInt(level), message.ptr, message.len);
    }
};

/// Reads entries of the operator's maps. Only `keyed.process` and `keyed.on-timer` may call it. It shows the maps as they were
/// before the call: what the call changes is in its answer.
pub const maps = struct {
    /// Entries that were asked for by their keys.
    pub const Found = extern struct {
        /// One bit per entry asked for, least significant first: whether it is there.
        present: types.Buffer,
        /// The values, one row per entry asked for; null where it is not there.
        values: List(types.Node),
    };

    /// Entries of one key, one after the other.
    pub const Page = extern struct {
        /// How many.
        entries: u32,
        /// Their keys, one row per entry, ascending.
        entry_keys: List(types.Node),
        /// Their values, one row per entry.
        values: List(types.Node),
        /// Whether there are more up to the upper bound: they come after the last of these.
        more: bool,
    };

    /// Where a scan begins or ends. An entry's key is one row of its columns.
    pub const Bound = extern struct {
        tag: Tag,
        payload: extern union { included: List(types.Node), excluded: List(types.Node) } = undefined,

        pub const Tag = enum(u8) {
            /// At the first entry of the key, or the last.
            unbounded,
            /// At this entry's key, with it.
            included,
            /// At this entry's key, without it.
            excluded,
        };
    };

    /// Finds entries of many keys at once. `keys`: uint32 per entry, an index into the `states` of the call; `entry-keys`: one row
    /// per entry. An error says what is wrong with the arguments, or that the values are too large to be passed at once.
    pub fn get(map_index: u32, keys: types.Buffer, entry_keys: List(types.Node)) Result(Found) {
        const core = struct {
            extern "weir:operator/maps@0.1.0" fn get(map_index: u32, keys_ptr: [*]const u8, keys_len: usize, entry_keys_ptr: [*]const types.Node, entry_keys_len: usize, answer: *Result(Found)) void;
        };
        var answer: Result(Found) = undefined;
        core.get(map_index, keys.ptr, keys.len, entry_keys.ptr, entry_keys.len, &answer);
        return answer;
    }

    /// The first entries of one key (an index into the `states` of the call) between two bounds, at most `limit`, which is at least 1;
    /// the host may give fewer, but at least one if there is one.
    pub fn scan(map_index: u32, key: u32, lower: Bound, upper: Bound, limit: u32) Result(Page) {
        const core = struct {
            extern "weir:operator/maps@0.1.0" fn scan(map_index: u32, key: u32, lower_tag: u32, lower_ptr: [*]const types.Node, lower_len: usize, upper_tag: u32, upper_ptr: [*]const types.Node, upper_len: usize, limit: u32, answer: *Result(Page)) void;
        };
        var answer: Result(Page) = undefined;
        core.scan(map_index, key, @backingInt(lower.tag), if (lower.tag == .unbounded) undefined else lower.payload.included.ptr, if (lower.tag == .unbounded) 0 else lower.payload.included.len, @backingInt(upper.tag), if (upper.tag == .unbounded) undefined else upper.payload.included.ptr, if (upper.tag == .unbounded) 0 else upper.payload.included.len, limit, &answer);
        return answer;
    }
};

/// Figures of the operator's own, limited in number.
pub const metrics = struct {
    /// Adds to a counter.
    pub fn count(name: String, by: u64) void {
        const core = struct {
            extern "weir:operator/metrics@0.1.0" fn count(name_ptr: [*]const u8, name_len: usize, by: u64) void;
        };
        core.count(name.ptr, name.len, by);
    }

    /// Sets a gauge.
    pub fn gauge(name: String, value: f64) void {
        const core = struct {
            extern "weir:operator/metrics@0.1.0" fn gauge(name_ptr: [*]const u8, name_len: usize, value: f64) void;
        };
        core.gauge(name.ptr, name.len, value);
    }

    /// Puts a value into a histogram.
    pub fn observe(name: String, value: f64) void {
        const core = struct {
            extern "weir:operator/metrics@0.1.0" fn observe(name_ptr: [*]const u8, name_len: usize, value: f64) void;
        };
        core.observe(name.ptr, name.len, value);
    }
};

/// Stateless: map, filter, flat-map, project, split.
pub const transform = struct {
    /// What one call gives.
    pub const TransformDelta = extern struct {
        /// One delta per output, in the order of `plan.outputs`.
        outputs: List(types.Delta),
        /// Rows that the operator refuses, each at most once, in any order. `on-error` of the pipeline says what becomes of them. No
        /// output may have a row that comes from a refused row.
        rejected: List(types.RowFailure),
    };

    /// Exports the interface. `I` has its functions with the types of `Function`, and `postReturn`, which is called when the
    /// host has read an answer.
    pub fn exportAs(comptime I: type) void {
        const exports = struct {
            var about_answer: types.OperatorInfo = undefined;
            fn about() callconv(.c) *const types.OperatorInfo {
                about_answer = I.about();
                return &about_answer;
            }
            var describe_answer: Result(types.Plan) = undefined;
            fn describe(config_ptr: [*]const u8, config_len: usize, inputs_ptr: [*]const types.Input, inputs_len: usize) callconv(.c) *const Result(types.Plan) {
                describe_answer = I.describe(.{ .ptr = config_ptr, .len = config_len }, .{ .ptr = inputs_ptr, .len = inputs_len });
                return &describe_answer;
            }
            var process_answer: Result(TransformDelta) = undefined;
            fn process(input: u32, rows_rows: u32, rows_columns_ptr: [*]const types.Node, rows_columns_len: usize, rows_event_times_ptr: [*]const u8, rows_event_times_len: usize, rows_row_kinds_ptr: [*]const u8, rows_row_kinds_len: usize) callconv(.c) *const Result(TransformDelta) {
                process_answer = I.process(input, .{ .rows = rows_rows, .columns = .{ .ptr = rows_columns_ptr, .len = rows_columns_len }, .event_times = .{ .ptr = rows_event_times_ptr, .len = rows_event_times_len }, .row_kinds = .{ .ptr = rows_row_kinds_ptr, .len = rows_row_kinds_len } });
                return &process_answer;
            }
            fn postReturn(_: *const anyopaque) callconv(.c) void {
                I.postReturn();
            }
        };
        @export(&exports.about, .{ .name = "weir:operator/transform@0.1.0#about" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/transform@0.1.0#about" });
        @export(&exports.describe, .{ .name = "weir:operator/transform@0.1.0#describe" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/transform@0.1.0#describe" });
        @export(&exports.process, .{ .name = "weir:operator/transform@0.1.0#process" });
        @export(&exports.postReturn, .{ .name = "cabi_post_weir:operator/transform@0.1.0#process" });
    }
};
