//! An aggregate under test.

const std = @import("std");
const bindings = @import("operator_bindings");
const builder = @import("../builder.zig");
const Connected = @import("../aggregate.zig").Aggregate;
const reads = @import("../reads.zig");
const Results = @import("results.zig").Results;
const table = @import("table.zig");

/// An aggregate that gets rows of type `Given`.
pub fn Aggregate(comptime Op: type, comptime Given: type) type {
    const inputs = table.connections(Given, &.{});
    return struct {
        memory: std.heap.ArenaAllocator,
        operator: Connected(Op),
        plan: bindings.types.Plan,

        const Self = @This();
        pub const Output = Connected(Op).Result;

        /// Connects it. Fails if it cannot be connected to such rows; `weir.testing.expectRefusal` looks at the message.
        pub fn init(operator: Op) anyerror!Self {
            var self: Self = .{ .memory = .init(std.testing.allocator), .operator = undefined, .plan = undefined };
            errdefer self.memory.deinit();
            self.operator = try .connect(self.memory.allocator(), operator, inputs, &self.plan);
            return self;
        }

        pub fn deinit(self: *Self) void {
            self.memory.deinit();
        }

        /// The result of a group whose rows come in parts: each is accumulated on its own, and then they are merged. `refused` has
        /// the rows that were refused, counted through all parts.
        pub fn aggregate(self: *Self, parts: []const []const Given) anyerror!struct { result: Output, refused: []const Results.Refusal } {
            const arena = self.memory.allocator();
            var refused: std.ArrayList(Results.Refusal) = .empty;
            const no_nodes = try builder.columnsOf(Connected(Op).Accumulator, arena, &[_]?Connected(Op).Accumulator{null});
            var whole: bindings.types.States = .{ .keys = 1, .present = .of(&.{0}), .columns = .of(no_nodes) };
            const new = whole;
            var start: usize = 0;
            for (parts) |part| {
                const rows = try table.Table.of(Given, arena, part);
                const groups = try arena.alloc(u32, part.len);
                @memset(groups, 0);
                const batch = try rows.batch(arena, self.plan.reads.slice()[0].slice(), self.plan.reads_event_times);
                const answer = try self.operator.accumulate(arena, batch, .of(std.mem.sliceAsBytes(groups)), new);
                for (answer.rejected.slice()) |failure| try refused.append(arena, .{ .row = start + failure.row, .reason = failure.reason.slice() });
                const merged = try self.operator.merge(arena, whole, .{ .keys = 1, .present = .empty, .columns = answer.accumulators });
                whole = .{ .keys = 1, .present = .empty, .columns = merged };
                start += part.len;
            }
            const nodes = try self.operator.finish(arena, whole);
            const columns = try reads.Reader(Output).own.open(.{ .rows = 1, .nodes = nodes.slice() }, arena);
            return .{ .result = columns.get(0), .refused = refused.items };
        }
    };
}
