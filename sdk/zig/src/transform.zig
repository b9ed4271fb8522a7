//! Stateless operators: filter, map, flat-map, project, split; on rows or on columns.

const std = @import("std");
const Allocator = std.mem.Allocator;
const about = @import("about.zig");
const bindings = @import("operator_bindings");
const config = @import("config.zig");
const declarations = @import("declarations.zig");
const emitter = @import("emitter.zig");
const inputs = @import("inputs.zig");
const outputs = @import("outputs.zig");
const refuse = @import("refuse.zig");
const rows = @import("rows.zig");
const wire = bindings.types;

/// A transform of a struct, whose fields are its configuration:
///
/// - `pub fn process(self: *const Op, row: Row, out: *weir.Emitter(Output)) !void` is called for each row; an error refuses it.
/// - `pub fn processColumns(self: *const Op, rows: weir.Columns(Row), out: *weir.ColumnEmitter(Output)) !void` instead is called
///   for each batch; an error fails all of it.
///
/// It owns nothing but its configuration: the host drops an instance and makes another whenever it wants.
pub fn Transform(comptime Op: type) type {
    const on_columns = @hasDecl(Op, "processColumns");
    const function = if (on_columns) "processColumns" else "process";
    const needs_emitter = if (on_columns) "*weir.ColumnEmitter(Output)" else "*weir.Emitter(Output)";
    const needs = (if (on_columns) "self, rows: weir.Columns(Row), out: " else "self, row: Row, out: ") ++ needs_emitter;
    const declared = inputs.declared(Op, function, needs, 0);
    const Out = inputs.Pointee(Op, declared[0].parameters()[2].?, needs_emitter);
    const Rows = inputs.rows(declared, 1);
    config.checkConfig(Op);
    declarations.check(Op, .transform);
    return struct {
        operator: Op,
        inputs: Inputs,
        outputs: []const outputs.Plan,

        const Self = @This();
        const Inputs = inputs.Connected(Op, declared, Rows, struct {});
        pub const world = .transform;
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
            plan.* = .{ .reads = .empty, .reads_event_times = false, .outputs = .empty, .state = .none, .maps = .empty };
            return .{
                .operator = operator,
                .inputs = try .connect(arena, &operator, connected, plan),
                .outputs = try outputs.plan(Out.Emitted, arena, connected, plan),
            };
        }

        /// `process` of the contract. The answer is in the arena.
        pub fn process(self: *const Self, arena: Allocator, input: u32, batch: wire.Batch) anyerror!Delta {
            inline for (declared, 0..) |one, at| {
                if (at == self.inputs.of[input]) {
                    const columns = try self.inputs.rows[at].open(.of(batch), arena);
                    return (if (on_columns) runColumns else runRows)(self, arena, @field(one.Home, one.function), &columns);
                }
            }
            unreachable;
        }

        fn runRows(self: *const Self, arena: Allocator, step: anytype, columns: anytype) anyerror!Delta {
            var out = try emitter.start(Out, arena, columns.rows);
            var failures: refuse.Failures = .{};
            try self.eachRow(arena, step, columns, &out, &failures);
            return .{ .outputs = .of(try emitter.finish(&out, self.outputs, columns.rows)), .rejected = .of(failures.list.items) };
        }

        fn eachRow(
            self: *const Self,
            arena: Allocator,
            step: anytype,
            columns: anytype,
            out: *Out,
            failures: *refuse.Failures,
        ) anyerror!void {
            const misfits = rows.Misfits(std.meta.Child(@TypeOf(columns)).Row).in(columns);
            for (0..columns.rows) |row| {
                if (misfits.of(row)) |err| {
                    try failures.add(arena, row, err);
                    continue;
                }
                emitter.begin(out, row);
                // Not inlined: the compiler merges panics of one kind in a function, and then no trap would name the author's.
                const result: anyerror!void = @call(.never_inline, step, .{ &self.operator, columns.get(row), out });
                result catch |err| {
                    emitter.takeBack(out);
                    try failures.add(arena, row, err);
                };
            }
        }

        fn runColumns(self: *const Self, arena: Allocator, step: anytype, columns: anytype) anyerror!Delta {
            const misfits = rows.Misfits(std.meta.Child(@TypeOf(columns)).Row).in(columns);
            var out: Out = try .start(arena, columns.rows);
            if (misfits.may_be) {
                for (0..columns.rows) |row| if (misfits.of(row)) |err| try out.fail(row, err);
            }
            try @as(anyerror!void, step(&self.operator, columns.*, &out));
            return .{ .outputs = .of(try out.finish(self.outputs)), .rejected = .of(out.failures.list.items) };
        }
    };
}

const Delta = bindings.transform.TransformDelta;
