//! Operators with state and timers per key.

const std = @import("std");
const Allocator = std.mem.Allocator;
const about = @import("about.zig");
const bindings = @import("operator_bindings");
const builder = @import("builder.zig");
const config = @import("config.zig");
const declarations = @import("declarations.zig");
const emitter = @import("emitter.zig");
const inputs = @import("inputs.zig");
const maps = @import("maps.zig");
const outputs = @import("outputs.zig");
const reads = @import("reads.zig");
const refuse = @import("refuse.zig");
const rows = @import("rows.zig");
const states = @import("states.zig");
const timers = @import("timers.zig");
const type_name = @import("type_name.zig");
const types = @import("types.zig");
const value = @import("value.zig");
const views = @import("view.zig");
const wire = bindings.types;

/// What an operator sees of the key of a row or of a timer.
pub fn KeyContext(comptime Op: type) type {
    return struct {
        /// The key columns that `pub const Key = struct { ... }` of the operator names.
        key: KeyOf(Op),
        /// The state of the key; null: it has none. Change it, or set another; null removes it. Its texts and lists must last as long
        /// as the call: make them with `arena`.
        state: ?StateOf(Op),
        /// The maps that `pub const Maps = struct { ... }` of the operator names.
        maps: *maps.MapsOf(Op),
        timers: timers.Timers,
        /// null before the first watermark.
        watermark: ?types.Timestamp,
        /// The wall clock, as the engine sees it.
        processing_time: types.Timestamp,
        /// Memory that lasts as long as the call.
        arena: Allocator,
    };
}

/// A keyed operator of a struct, whose fields are its configuration:
///
/// - `pub const State = struct { ... };` is what is kept per key. `pub const version: u32 = 2;` is raised when its fields change
///   their meaning, and `pub fn migrate(self, from_version: u32, old: weir.OldStates) ![]?State` reads other versions; without it
///   their columns are matched by name, and all must be there.
/// - `pub fn process(self: *const Op, row: Row, of: *weir.KeyContext(Op), out: *weir.Emitter(Output)) !void` is called for each
///   row; rows of a key come in the order of their arrival.
/// - `pub fn onTimer(self: *const Op, timer: weir.Timer, of: *weir.KeyContext(Op), out: *weir.Emitter(Output)) !void`
/// - `pub fn prefetch(self: *const Op, row: Row, maps: *Maps) void` names entries that `process` will read.
///
/// An error refuses its row or timer: nothing that it did counts.
pub fn Keyed(comptime Op: type) type {
    const declared = inputs.declared(Op, "process", "self, row: Row, of: *weir.KeyContext(Op), out: *weir.Emitter(Output)", 0);
    const Rows = inputs.rows(declared, 1);
    const Out = inputs.Pointee(Op, declared[0].parameters()[3].?, "*weir.Emitter(Output)");
    const State = StateOf(Op);
    const Key = KeyOf(Op);
    const version: u32 = if (@hasDecl(Op, "version")) Op.version else 1;
    value.checkRow(State);
    value.checkRow(Key);
    const map_layouts = maps.layouts(Op);
    config.checkConfig(Op);
    declarations.check(Op, .keyed);
    return struct {
        operator: Op,
        inputs: Inputs,
        /// The key columns as `onTimer` gets them.
        timer_keys: reads.Reader(Key),
        outputs: []const outputs.Plan,

        const Self = @This();
        const Inputs = inputs.Connected(Op, declared, Rows, Key);
        pub const world = .keyed;
        pub const Operator = Op;

        /// `about` of the contract.
        pub fn info() wire.OperatorInfo {
            return about.about(Op);
        }

        /// `describe` of the contract. All of it is in the arena, which must live as long.
        pub fn describe(arena: Allocator, json: []const u8, connected: []const wire.Input, plan: *wire.Plan) anyerror!Self {
            return connect(arena, try config.parse(Op, arena, json), connected, plan);
        }

        /// As `describe`, for an operator that is configured.
        pub fn connect(arena: Allocator, operator: Op, connected: []const wire.Input, plan: *wire.Plan) anyerror!Self {
            plan.* = .{
                .reads = .empty,
                .reads_event_times = false,
                .outputs = .empty,
                .state = states.layout(State, version),
                .maps = .of(map_layouts),
            };
            return .{
                .operator = operator,
                .inputs = try .connect(arena, &operator, connected, plan),
                .timer_keys = reads.Reader(Key).byName(try keyColumns(arena, connected), false) catch |err|
                    return refuse.refuse("among the columns that the input is keyed by: {s}", .{try refuse.reasonOf(err, arena)}),
                .outputs = try outputs.plan(Out.Emitted, arena, connected, plan),
            };
        }

        /// `process` of the contract. The answer is in the arena.
        pub fn process(
            self: *const Self,
            arena: Allocator,
            input: u32,
            batch: wire.Batch,
            key_of_row: wire.Buffer,
            given: wire.States,
            now: bindings.keyed.Clock,
        ) anyerror!Delta {
            inline for (declared, Rows, 0..) |one, Row, at| {
                if (at == self.inputs.of[input]) {
                    const columns = try self.inputs.rows[at].open(.of(batch), arena);
                    const keys = try self.inputs.keys[at].open(.of(batch), arena);
                    const step: RowStep(Row, @field(one.Home, one.function)) = .{ .columns = &columns, .misfits = .in(&columns) };
                    return self.run(.{ .arena = arena, .key_of_row = key_of_row, .states = given, .now = now }, &keys, step);
                }
            }
            unreachable;
        }

        /// `on-timer` of the contract. The answer is in the arena.
        pub fn onTimer(
            self: *const Self,
            arena: Allocator,
            due: bindings.keyed.Timers,
            batch: wire.Batch,
            given: wire.States,
            now: bindings.keyed.Clock,
        ) anyerror!Delta {
            const keys = try self.timer_keys.open(.of(batch), arena);
            const step: TimerStep = .{ .domain = due.domain, .times = views.numbers(i64, due.times.slice()) };
            return self.run(.{ .arena = arena, .key_of_row = due.keys, .states = given, .now = now }, &keys, step);
        }

        /// `migrate` of the contract. The answer is in the arena.
        pub fn migrate(
            self: *const Self,
            arena: Allocator,
            from: u32,
            layout: []const wire.Field,
            given: wire.States,
        ) anyerror!bindings.List(wire.Node) {
            const old: states.OldStates = .{ .arena = arena, .version = from, .layout = layout, .states = given };
            const migrated: []?State = try if (@hasDecl(Op, "migrate")) self.operator.migrate(from, old) else old.readWhole(State);
            if (migrated.len != given.keys) return refuse.refuse("migrating {d} states gave {d}", .{ given.keys, migrated.len });
            for (migrated) |*state| if (state.*) |*of| try states.checked(State, of);
            return .of(try builder.columnsOf(State, arena, migrated));
        }

        /// What `process` and `on-timer` are given.
        const Call = struct { arena: Allocator, key_of_row: wire.Buffer, states: wire.States, now: bindings.keyed.Clock };

        /// Takes every step in the context of its key, and collects what changed.
        fn run(self: *const Self, call: Call, keys: *const rows.Columns(Key), step: anytype) anyerror!Delta {
            const arena = call.arena;
            const key_misfits = rows.Misfits(Key).in(keys);
            const key_of_row = views.numbers(u32, call.key_of_row.slice());
            const before = try states.read(State, arena, call.states);
            const after = try arena.dupe(?State, before);
            var entries = maps.start(Op, arena);
            var changes: timers.Changes = .{ .arena = arena };
            var out = try emitter.start(Out, arena, keys.rows);
            var failures: refuse.Failures = .{};
            try step.prefetch(self, &entries, key_of_row);
            for (0..keys.rows) |row| {
                const misfit: ?anyerror = if (step.misfit(row)) |err| err else key_misfits.of(row);
                if (misfit) |err| {
                    try failures.add(arena, row, err);
                    continue;
                }
                const key = key_of_row[row];
                var of: KeyContext(Op) = .{
                    .key = keys.get(row),
                    .state = after[key],
                    .maps = &entries,
                    .timers = .{ .changes = &changes, .key = key },
                    .watermark = if (call.now.watermark.is_some) .{ .micros = call.now.watermark.value } else null,
                    .processing_time = .{ .micros = call.now.processing_time },
                    .arena = arena,
                };
                const marks = maps.begin(Op, &entries, key);
                const timers_before = changes.list.items.len;
                emitter.begin(&out, row);
                take(self, step, row, &of, &out, &after[key]) catch |err| {
                    emitter.takeBack(&out);
                    maps.takeBack(Op, &entries, marks);
                    changes.list.shrinkRetainingCapacity(timers_before);
                    try failures.add(arena, row, err);
                };
            }
            const changed, const new = try states.changes(State, arena, before, after);
            return .{
                .outputs = .of(try emitter.finish(&out, self.outputs, keys.rows)),
                .rejected = .of(failures.list.items),
                .changed = changed,
                .states = new,
                .maps = .of(try maps.finish(Op, arena, &entries)),
                .timers = try changes.finish(),
            };
        }

        fn take(self: *const Self, step: anytype, row: usize, of: *KeyContext(Op), out: *Out, state: *?State) anyerror!void {
            try step.take(self, row, of, out);
            if (of.state) |*left| try states.checked(State, left);
            state.* = of.state;
        }

        fn RowStep(comptime Row: type, comptime function: anytype) type {
            return struct {
                columns: *const rows.Columns(Row),
                misfits: rows.Misfits(Row),

                fn misfit(step: @This(), row: usize) ?anyerror {
                    return step.misfits.of(row);
                }

                fn prefetch(step: @This(), of: *const Self, entries: *maps.MapsOf(Op), key_of_row: []const u32) anyerror!void {
                    if (!@hasDecl(Op, "prefetch")) return;
                    if (@typeInfo(@TypeOf(Op.prefetch)).@"fn".param_types[1].? != Row) return;
                    for (key_of_row, 0..) |key, row| {
                        if (step.misfit(row) != null) continue;
                        _ = maps.begin(Op, entries, key);
                        of.operator.prefetch(step.columns.get(row), entries);
                    }
                    try maps.readWanted(Op, entries);
                }

                inline fn take(step: @This(), of: *const Self, row: usize, context: *KeyContext(Op), out: *Out) anyerror!void {
                    // Not inlined: the compiler merges panics of one kind in a function, and then no trap would name the author's.
                    return @call(.never_inline, function, .{ &of.operator, step.columns.get(row), context, out });
                }
            };
        }

        const TimerStep = struct {
            domain: timers.TimeDomain,
            times: []const i64,

            fn misfit(_: TimerStep, _: usize) ?anyerror {
                return null;
            }

            fn prefetch(_: TimerStep, _: *const Self, _: *maps.MapsOf(Op), _: []const u32) anyerror!void {}

            fn take(step: TimerStep, of: *const Self, row: usize, context: *KeyContext(Op), out: *Out) anyerror!void {
                if (!@hasDecl(Op, "onTimer")) return;
                const timer: timers.Timer = .{ .time = .{ .micros = step.times[row] }, .domain = step.domain };
                return @call(.never_inline, Op.onTimer, .{ &of.operator, timer, context, out });
            }
        };
    };
}

const Delta = bindings.keyed.KeyedDelta;

pub fn StateOf(comptime Op: type) type {
    return if (@hasDecl(Op, "State")) Op.State else struct {};
}

fn KeyOf(comptime Op: type) type {
    return if (@hasDecl(Op, "Key")) Op.Key else struct {};
}

/// The schema of the columns that an input is keyed by, in their order.
fn keyColumns(arena: Allocator, connected: []const wire.Input) error{OutOfMemory}![]const wire.Field {
    var fields: std.ArrayList(wire.Field) = .empty;
    const columns = connected[0].columns.slice();
    for (connected[0].keys.slice()) |index| {
        const view = (views.View{ .fields = columns, .nodes = &.{} }).after(index);
        try fields.appendSlice(arena, view.fields[0..type_name.subtreeLen(view.fields)]);
    }
    return fields.items;
}
