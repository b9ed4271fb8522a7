//! Runs operators natively, over rows, through the code that runs in the component: rows become columns, the operator gets those that
//! it reads, and its answer is applied as the host applies it. For tests; memory that is not given back fails them.
//!
//! A harness takes the struct of the rows that come in, which may have more columns than the operator reads. Of several inputs it takes
//! a `union(enum)` with the row of each: rows of one input that follow one another are a batch.

const std = @import("std");
const config = @import("config.zig");
const reasonOf = @import("refuse.zig").reasonOf;

pub const Transform = @import("testing/transform.zig").Transform;
pub const Keyed = @import("testing/keyed.zig").Keyed;
pub const Aggregate = @import("testing/aggregate.zig").Aggregate;
pub const Results = @import("testing/results.zig").Results;

/// Fails if a call does not fail with this message: of a configuration, of `init` of a harness, or of a call.
pub fn expectRefusal(expected: []const u8, result: anytype) !void {
    _ = result catch |err| {
        var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
        defer arena.deinit();
        return std.testing.expectEqualStrings(expected, try reasonOf(err, arena.allocator()));
    };
    std.debug.print("it is not refused with: {s}\n", .{expected});
    return error.TestUnexpectedResult;
}

/// The operator that a configuration (JSON) describes. It lives as long as the arena and the text.
pub fn configured(comptime Op: type, arena: std.mem.Allocator, json: []const u8) anyerror!Op {
    return config.parse(Op, arena, json);
}
