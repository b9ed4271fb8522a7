//! Transforms on columns.

const std = @import("std");
const weir = @import("weir");

const Bid = struct { price: i64, label: ?[]const u8 };

const Convert = struct {
    const Output = union(enum) { main: Converted, cheap: Cheap };
    const Converted = struct {
        price: i64,
        pub const keep: weir.Keep = .all;
    };
    const Cheap = struct { text: []const u8 };

    pub fn processColumns(_: *const Convert, bids: weir.Columns(Bid), out: *weir.ColumnEmitter(Output)) !void {
        const prices = bids.column(.price).values;
        const converted = try out.arena.alloc(i64, bids.rows);
        for (prices, converted, 0..) |price, *to, row| {
            to.* = std.math.mul(i64, price, 908) catch blk: {
                try out.refuse(row, "the price is out of range", .{});
                break :blk 0;
            };
        }
        try out.emit(null, .{ .price = converted });
        var cheap: std.ArrayList(u32) = .empty;
        var texts: std.ArrayList([]const u8) = .empty;
        for (0..bids.rows) |row| {
            if (prices[row] >= 5 or bids.column(.label).isNull(row)) continue;
            try cheap.append(out.arena, @intCast(row));
            try texts.append(out.arena, bids.get(row).label.?);
        }
        try out.emitTo(.cheap, cheap.items, .{ .text = texts.items });
        if (bids.rows == 5) try out.refuse(0, "refused after it was emitted", .{});
    }
};

test "columns are converted, and refused rows leave nothing in any output" {
    var convert: weir.testing.Transform(Convert, struct { price: ?i64, label: ?[]const u8 }) = try .init(.{});
    defer convert.deinit();
    const results = try convert.process(&.{
        .{ .price = 1, .label = "one" },
        .{ .price = std.math.maxInt(i64), .label = "many" },
        .{ .price = 2, .label = "two" },
        .{ .price = null, .label = "none" },
        .{ .price = 9, .label = null },
    });
    try results.expect("main", Bid, &.{ .{ .price = 1816, .label = "two" }, .{ .price = 8172, .label = null } });
    try results.expect("cheap", Convert.Cheap, &.{.{ .text = "two" }});
    try results.expectRefused(&.{
        .{ .row = 3, .reason = "column \"price\" is null, and the operator has no place for that (?T)" },
        .{ .row = 1, .reason = "the price is out of range" },
        .{ .row = 0, .reason = "refused after it was emitted" },
    });
}

const Bad = struct {
    short: bool,

    pub fn processColumns(self: *const Bad, bids: weir.Columns(Bid), out: *weir.ColumnEmitter(Convert.Cheap)) !void {
        if (self.short) return out.emit(null, .{ .text = &.{"one"} });
        const texts = try out.arena.alloc([]const u8, bids.rows);
        for (texts, 0..) |*text, row| text.* = if (row == 1) "\xff" else "ok";
        try out.emit(null, .{ .text = texts });
    }
};

test "a bad value refuses its row, and a column of another length the call" {
    const bids: [3]Bid = @splat(.{ .price = 1, .label = null });
    var bad: weir.testing.Transform(Bad, Bid) = try .init(.{ .short = false });
    defer bad.deinit();
    const results = try bad.process(&bids);
    try results.expect("main", Convert.Cheap, &.{ .{ .text = "ok" }, .{ .text = "ok" } });
    try std.testing.expectEqual(1, results.refused.items[0].row);

    var short: weir.testing.Transform(Bad, Bid) = try .init(.{ .short = true });
    defer short.deinit();
    try weir.testing.expectRefusal("column \"text\" has 1 values for 3 rows", short.process(&bids));
}
