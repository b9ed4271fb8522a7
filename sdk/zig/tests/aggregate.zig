//! Aggregates.

const std = @import("std");
const weir = @import("weir");

const Row = struct { text: ?[]const u8, bytes: weir.Binary };

const Longest = struct {
    const Found = struct { text: ?[]const u8 = null, rows: i64 = 0 };

    pub fn accumulate(_: *const Longest, found: *Found, row: Row) !void {
        found.rows += 1;
        const text = row.text orelse return;
        found.text = if (row.bytes.bytes.len > 0) row.bytes.bytes else text;
        if (text.len == 0) return weir.refuse("no text", .{});
    }

    pub fn merge(_: *const Longest, found: *Found, other: Found, arena: std.mem.Allocator) !void {
        found.rows += other.rows;
        const text = other.text orelse return;
        if (found.text == null or text.len > found.text.?.len) found.text = try arena.dupe(u8, text);
    }

    pub fn finish(_: *const Longest, found: Found) !Found {
        return found;
    }
};

test "parts are merged, and a refused row leaves nothing" {
    var longest: weir.testing.Aggregate(Longest, Row) = try .init(.{});
    defer longest.deinit();
    const none: weir.Binary = .{ .bytes = "" };
    const answer = try longest.aggregate(&.{
        &.{ .{ .text = "ab", .bytes = none }, .{ .text = "", .bytes = none }, .{ .text = null, .bytes = none } },
        &.{},
        &.{ .{ .text = "abc", .bytes = none }, .{ .text = "x", .bytes = .{ .bytes = "\xff" } } },
    });
    try std.testing.expectEqualDeep(Longest.Found{ .text = "abc", .rows = 3 }, answer.result);
    try std.testing.expectEqualDeep(@as([]const weir.testing.Results.Refusal, &.{
        .{ .row = 1, .reason = "no text" },
        .{ .row = 4, .reason = "column \"text\" of the state holds bytes that are not UTF-8 (use weir.Binary)" },
    }), answer.refused);
}
