//! All data types through a transform. What it means is written in tests/conformance/README.md, for all languages.

const std = @import("std");
const weir = @import("weir");

pub const operator = weir.Transform(Types);

/// A column of every type.
const All = struct {
    copies: i64,
    flag: ?bool,
    i8: ?i8,
    i16: ?i16,
    i32: ?i32,
    i64: ?i64,
    u8: ?u8,
    u16: ?u16,
    u32: ?u32,
    u64: ?u64,
    f32: ?f32,
    f64: ?f64,
    text: ?[]const u8,
    bytes: ?weir.Binary,
    day: ?weir.Date,
    sec: ?weir.TimestampSeconds,
    milli: ?weir.TimestampMillis,
    micro: ?weir.Timestamp,
    nano: ?weir.TimestampNanos,
    amount: ?weir.Decimal(12, 2),
    numbers: ?[]const ?i64,
    point: ?Point,
};

/// A struct as it comes in.
const Point = struct { x: f64, y: ?f64 };

/// A struct as it goes out.
const Swapped = struct { x: ?f64, y: f64 };

const Output = union(enum) { main: Copy, none: NoCopies };

const Copy = struct {
    text: ?[]const u8,
    not_flag: ?bool,
    sum: ?i64,
    big: ?u64,
    low: ?i64,
    half: ?f64,
    single: ?f32,
    size: ?i64,
    raw: ?weir.Binary,
    next_day: ?weir.Date,
    sec2: ?weir.TimestampSeconds,
    milli2: ?weir.TimestampMillis,
    micro2: ?weir.Timestamp,
    nano2: ?weir.TimestampNanos,
    cents: ?weir.Decimal(12, 2),
    reversed: ?[]const ?i64,
    swapped: ?Swapped,

    pub const keep: weir.Keep = .all;
};

const NoCopies = struct { reason: []const u8 };

/// Rows with the text `drop` are dropped.
const Types = struct {
    drop: ?[]const u8,

    pub const title = "All data types";

    pub fn process(self: *const Types, row: All, out: *weir.Emitter(Output)) !void {
        if (row.copies < 0) return weir.refuse("copies is {d}", .{row.copies});
        if (self.drop) |drop| {
            if (row.text) |text| if (std.mem.eql(u8, text, drop)) return;
        }
        if (row.copies == 0) try out.emit(.{ .none = .{ .reason = "no copies" } });
        const next_day: ?weir.Date = if (row.day) |day|
            .{ .days = std.math.add(i32, day.days, 1) catch return weir.refuse("next_day is out of range", .{}) }
        else
            null;
        var copy: i64 = 0;
        while (copy < row.copies) : (copy += 1) {
            try out.emit(.{ .main = .{
                .text = if (row.text) |text| try out.print("{s}#{d}", .{ text, copy }) else null,
                .not_flag = if (row.flag) |flag| !flag else null,
                .sum = sum(.{ row.i8, row.i16, row.i32, row.u8, row.u16, row.u32 }),
                .big = row.u64,
                .low = row.i64,
                .half = if (row.f64) |float| float / 2 else null,
                .single = row.f32,
                .size = if (row.bytes) |binary| @intCast(binary.bytes.len) else null,
                .raw = row.bytes,
                .next_day = next_day,
                .sec2 = row.sec,
                .milli2 = row.milli,
                .micro2 = row.micro,
                .nano2 = row.nano,
                .cents = row.amount,
                .reversed = if (row.numbers) |numbers| try reversed(out.arena, numbers) else null,
                .swapped = if (row.point) |point| .{ .x = point.y, .y = point.x } else null,
            } });
        }
    }
};

/// Of those that are there; null if none is.
fn sum(addends: anytype) ?i64 {
    var total: ?i64 = null;
    inline for (addends) |addend| {
        if (addend) |number| total = (total orelse 0) + number;
    }
    return total;
}

fn reversed(arena: std.mem.Allocator, numbers: []const ?i64) ![]const ?i64 {
    const turned = try arena.dupe(?i64, numbers);
    std.mem.reverse(?i64, turned);
    return turned;
}
