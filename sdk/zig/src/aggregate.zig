//! Aggregates for windows. The host owns windows, groups and accumulators.

const std = @import("std");
const Allocator = std.mem.Allocator;
const about = @import("about.zig");
const bindings = @import("operator_bindings");
const builder = @import("builder.zig");
const config = @import("config.zig");
const declarations = @import("declarations.zig");
const emitter = @import("emitter.zig");
const inputs = @import("inputs.zig");
const outputs = @import("outputs.zig");
const refuse = @import("refuse.zig");
const rows = @import("rows.zig");
const states = @import("states.zig");
const value = @import("value.zig");
const views = @import("view.zig");
const wire = bindings.types;

/// An aggregate of a struct, whose fields are its configuration:
///
/// - `pub fn accumulate(self: *const Op, accumulator: *Accumulator, row: Row) !void` adds a row to its group; an error refuses the
///   row. A new group starts with the defaults of the accumulator's fields.
/// - `pub fn merge(self: *const Op, accumulator: *Accumulator, other: Accumulator) !void` adds what another accumulator of the same
///   group has. It must be associative and commutative, and give what accumulating all the rows at once would give.
/// - `pub fn finish(self: *const Op, accumulator: Accumulator) !Output` gives the result of a group.
///
/// Each may have `arena: std.mem.Allocator` as one more parameter, for texts and lists, which must last as long as the call.
pub fn Aggregate(comptime Op: type) type {
    const declared = inputs.declared(Op, "accumulate", "self, accumulator: *Accumulator, row: Row", 1);
    if (declared.len != 1) @compileError(@typeName(Op) ++ ": an aggregate has one input");
    const Rows = inputs.rows(declared, 2);
    const Accumulated = inputs.Pointee(Op, declared[0].parameters()[1].?, "*Accumulator");
    const Output = resultOf(Op);
    const version: u32 = if (@hasDecl(Op, "version")) Op.version else 1;
    value.checkRow(Accumulated);
    value.checkRow(Output);
    config.checkConfig(Op);
    declarations.check(Op, .aggregate);
    for (std.meta.fieldNames(Accumulated), @typeInfo(Accumulated).@"struct".field_attrs) |name, attributes| {
        if (attributes.default_value_ptr == null)
            @compileError(@typeName(Accumulated) ++ "." ++ name ++ " needs a default, which a new group starts with");
    }
    if (@hasDecl(Output, "keep")) @compileError(@typeName(Output) ++ " cannot keep columns of the input: a group has many rows");
    return struct {
        operator: Op,
        inputs: inputs.Connected(Op, declared, Rows, struct {}),

        const Self = @This();
        pub const world = .aggregate;
        pub const Operator = Op;
        pub const Accumulator = Accumulated;
        pub const Result = Output;

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
                .state = states.layout(Accumulator, version),
                .maps = .empty,
            };
            _ = try outputs.plan(Output, arena, connected, plan);
            return .{ .operator = operator, .inputs = try .connect(arena, &operator, connected, plan) };
        }

        /// `accumulate` of the contract. The answer is in the arena.
        pub fn accumulate(
            self: *const Self,
            arena: Allocator,
            batch: wire.Batch,
            group_of_row: wire.Buffer,
            given: wire.States,
        ) anyerror!bindings.aggregate.Accumulated {
            const columns = try self.inputs.rows[0].open(.of(batch), arena);
            const misfits = rows.Misfits(Rows[0]).in(&columns);
            const groups = views.numbers(u32, group_of_row.slice());
            const accumulators = try read(arena, given);
            var failures: refuse.Failures = .{};
            for (0..columns.rows) |row| {
                if (misfits.of(row)) |err| {
                    try failures.add(arena, row, err);
                    continue;
                }
                var accumulator = accumulators[groups[row]];
                self.add(arena, &accumulator, columns.get(row)) catch |err| {
                    try failures.add(arena, row, err);
                    continue;
                };
                accumulators[groups[row]] = accumulator;
            }
            return .{ .accumulators = .of(try builder.columnsOf(Accumulator, arena, accumulators)), .rejected = .of(failures.list.items) };
        }

        /// `merge` of the contract. The answer is in the arena.
        pub fn merge(self: *const Self, arena: Allocator, left: wire.States, right: wire.States) anyerror!bindings.List(wire.Node) {
            const accumulators = try read(arena, left);
            for (accumulators, try read(arena, right)) |*accumulator, other| {
                try @as(anyerror!void, call(Op.merge, arena, .{ &self.operator, accumulator, other }));
                try states.checked(Accumulator, accumulator);
            }
            return .of(try builder.columnsOf(Accumulator, arena, accumulators));
        }

        /// `finish` of the contract. The answer is in the arena.
        pub fn finish(self: *const Self, arena: Allocator, given: wire.States) anyerror!bindings.List(wire.Node) {
            const accumulators = try read(arena, given);
            var out = try emitter.start(emitter.Emitter(Output), arena, accumulators.len);
            for (accumulators) |accumulator| {
                try out.emit(try @as(anyerror!Output, call(Op.finish, arena, .{ &self.operator, accumulator })));
            }
            return .of(try builder.nodesOf(Output, arena, &out.outputs[0].columns, accumulators.len));
        }

        fn add(self: *const Self, arena: Allocator, accumulator: *Accumulator, row: Rows[0]) anyerror!void {
            try @as(anyerror!void, call(Op.accumulate, arena, .{ &self.operator, accumulator, row }));
            try states.checked(Accumulator, accumulator);
        }

        /// Accumulators, new ones for groups that have none.
        fn read(arena: Allocator, given: wire.States) anyerror![]Accumulator {
            const all = try states.read(Accumulator, arena, given);
            const accumulators = try arena.alloc(Accumulator, all.len);
            for (all, accumulators) |state, *accumulator| accumulator.* = state orelse .{};
            return accumulators;
        }
    };
}

/// Calls a function that may want an arena. Not inlined: the compiler merges panics of one kind in a function, and then no trap would name the author's.
fn call(comptime function: anytype, arena: Allocator, arguments: anytype) @typeInfo(@TypeOf(function)).@"fn".return_type.? {
    const wants_arena = @typeInfo(@TypeOf(function)).@"fn".param_types.len > arguments.len;
    return @call(.never_inline, function, if (wants_arena) arguments ++ .{arena} else arguments);
}

fn resultOf(comptime Op: type) type {
    if (!@hasDecl(Op, "merge") or !@hasDecl(Op, "finish"))
        @compileError(@typeName(Op) ++ " needs `pub fn merge(self, accumulator: *Accumulator, other: Accumulator) !void` " ++
            "and `pub fn finish(self, accumulator: Accumulator) !Output`");
    const Result = @typeInfo(@TypeOf(Op.finish)).@"fn".return_type.?;
    return if (@typeInfo(Result) == .error_union) @typeInfo(Result).error_union.payload else Result;
}
