//! A transform under test.

const std = @import("std");
const bindings = @import("operator_bindings");
const Connected = @import("../transform.zig").Transform;
const Results = @import("results.zig").Results;
const table = @import("table.zig");

/// A transform that gets rows of type `Given`.
pub fn Transform(comptime Op: type, comptime Given: type) type {
    const inputs = table.connections(Given, &.{});
    return struct {
        memory: std.heap.ArenaAllocator,
        operator: Connected(Op),
        plan: bindings.types.Plan,

        const Self = @This();

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

        /// Processes rows. Fails if a call fails as a whole; rows that are refused are in the results, which live as long as the harness.
        pub fn process(self: *Self, given: []const Given) anyerror!Results {
            const arena = self.memory.allocator();
            var results: Results = .{ .arena = arena, .inputs = inputs, .outputs = self.plan.outputs.slice() };
            for (try table.batches(Given, arena, given)) |batch| {
                const reads = self.plan.reads.slice()[batch.input].slice();
                const rows = try batch.table.batch(arena, reads, self.plan.reads_event_times);
                const delta = try self.operator.process(arena, batch.input, rows);
                try results.add(.{ .input = batch.input, .source = batch.table, .deltas = delta.outputs.slice() }, batch.start, delta.rejected.slice());
            }
            return results;
        }
    };
}
