//! All types of columns, there and back, and values that a column cannot hold.

const std = @import("std");
const weir = @import("weir");

const Point = struct { x: f64, label: ?[]const u8 };

const All = struct {
    flag: bool,
    i8: i8,
    u8: u8,
    i16: i16,
    u16: u16,
    i32: i32,
    u32: u32,
    i64: i64,
    u64: u64,
    f32: f32,
    f64: f64,
    text: []const u8,
    bytes: weir.Binary,
    day: weir.Date,
    sec: weir.TimestampSeconds,
    milli: weir.TimestampMillis,
    micro: weir.Timestamp,
    nano: weir.TimestampNanos,
    amount: weir.Decimal(38, 10),
    texts: []const []const u8,
    maybe_numbers: ?[]const ?i64,
    nested: []const []const i32,
    points: []const Point,
    point: ?Point,
    maybe_flag: ?bool,
    maybe_text: ?[]const u8,
    maybe_amount: ?weir.Decimal(5, 2),
};

const Identity = struct {
    pub fn process(_: *const Identity, row: All, out: *weir.Emitter(All)) !void {
        try out.emit(row);
    }
};

test "every type comes out as it came in" {
    const first: All = .{
        .flag = true,
        .i8 = -128,
        .u8 = 255,
        .i16 = -32768,
        .u16 = 65535,
        .i32 = std.math.minInt(i32),
        .u32 = std.math.maxInt(u32),
        .i64 = std.math.minInt(i64),
        .u64 = std.math.maxInt(u64),
        .f32 = 0.1,
        .f64 = -0.0,
        .text = "grüße",
        .bytes = .{ .bytes = &.{ 0xff, 0 } },
        .day = .{ .days = -1 },
        .sec = .{ .seconds = 1 },
        .milli = .{ .millis = 2 },
        .micro = .{ .micros = 3 },
        .nano = .{ .nanos = std.math.maxInt(i64) },
        .amount = .{ .unscaled = -(std.math.powi(i128, 10, 38) catch unreachable) + 1 },
        .texts = &.{ "a", "", "b" },
        .maybe_numbers = &.{ 1, null, 9007199254740993 },
        .nested = &.{ &.{}, &.{ 1, 2 } },
        .points = &.{ .{ .x = 1, .label = null }, .{ .x = 2, .label = "two" } },
        .point = .{ .x = 3, .label = "three" },
        .maybe_flag = false,
        .maybe_text = "",
        .maybe_amount = .{ .unscaled = 99999 },
    };
    var second = first;
    second.maybe_numbers = null;
    second.points = &.{};
    second.point = null;
    second.maybe_flag = null;
    second.maybe_text = null;
    second.maybe_amount = null;
    second.text = "";

    var identity: weir.testing.Transform(Identity, All) = try .init(.{});
    defer identity.deinit();
    // More than eight, so that there are several bytes of bits.
    var rows: [20]All = @splat(first);
    for (&rows, 0..) |*row, at| if (at % 3 == 1) {
        row.* = second;
    };
    const results = try identity.process(&rows);
    try results.expect("main", All, &rows);
    try results.expectRefused(&.{});
    try (try identity.process(&.{})).expect("main", All, &.{});
}

const Wide = struct {
    number: weir.Number,
    nanos: ?weir.TimestampNanos,
};

const Widen = struct {
    pub fn process(_: *const Widen, row: Wide, out: *weir.Emitter(Wide)) !void {
        try out.emit(row);
    }
};

test "any number is read as a float, and coarser instants as finer ones" {
    inline for (.{ i8, u8, i16, u16, i32, u32, i64, u64, f32, f64 }) |T| {
        const Given = struct { number: T, nanos: ?weir.TimestampSeconds };
        var widen: weir.testing.Transform(Widen, Given) = try .init(.{});
        defer widen.deinit();
        const results = try widen.process(&.{
            .{ .number = 100, .nanos = .{ .seconds = 9_223_372_036 } },
            .{ .number = 101, .nanos = .{ .seconds = 9_223_372_037 } },
            .{ .number = 102, .nanos = null },
        });
        try results.expect("main", Wide, &.{
            .{ .number = .{ .value = 100 }, .nanos = .{ .nanos = 9_223_372_036_000_000_000 } },
            .{ .number = .{ .value = 102 }, .nanos = null },
        });
        try results.expectRefused(&.{.{ .row = 1, .reason = "column \"nanos\" is out of range in nanoseconds" }});
    }
}

const Required = struct { id: i64, items: []const i64, point: Point };

const Require = struct {
    pub fn process(_: *const Require, row: Required, out: *weir.Emitter(struct { id: i64 })) !void {
        try out.emit(.{ .id = row.id });
    }
};

test "a null in a field without ? refuses its row" {
    const Given = struct { id: ?i64, items: ?[]const ?i64, point: ?struct { x: ?f64 } };
    var require: weir.testing.Transform(Require, Given) = try .init(.{});
    defer require.deinit();
    const fits: Given = .{ .id = 1, .items = &.{ 1, 2 }, .point = .{ .x = 1 } };
    var no_id, var null_item, var no_point, var null_x = .{ fits, fits, fits, fits };
    no_id.id = null;
    null_item.items = &.{ 1, null };
    no_point.point = null;
    null_x.point = .{ .x = null };
    const results = try require.process(&.{ no_id, fits, null_item, no_point, null_x });
    try results.expect("main", struct { id: i64 }, &.{.{ .id = 1 }});
    const reason = "is null, and the operator has no place for that (?T)";
    try results.expectRefused(&.{
        .{ .row = 0, .reason = "column \"id\" " ++ reason },
        .{ .row = 2, .reason = "column \"items\" " ++ reason },
        .{ .row = 3, .reason = "column \"point\" " ++ reason },
        .{ .row = 4, .reason = "column \"point\" " ++ reason },
    });
}

const Bytes = struct { bytes: weir.Binary, number: i64 };
const Emitted = struct { text: []const u8, amounts: []const weir.Decimal(3, 1) };

const Emit = struct {
    pub fn process(_: *const Emit, row: Bytes, out: *weir.Emitter(Emitted)) !void {
        try out.emit(.{ .text = row.bytes.bytes, .amounts = &.{.{ .unscaled = row.number }} });
    }
};

test "text is checked wherever it stops to be ASCII" {
    var emit: weir.testing.Transform(Emit, Bytes) = try .init(.{});
    defer emit.deinit();
    for (0..40) |at| {
        var text: [40]u8 = @splat('a');
        text[at] = 0xc3;
        const bad = try emit.process(&.{.{ .bytes = .{ .bytes = &text }, .number = 0 }});
        try std.testing.expectEqual(1, bad.refused.items.len);
        if (at == 39) break;
        text[at + 1] = 0xbc;
        const good = try emit.process(&.{.{ .bytes = .{ .bytes = &text }, .number = 0 }});
        try std.testing.expectEqual(0, good.refused.items.len);
    }
}

test "a value that a column cannot hold refuses the row that emits it" {
    var emit: weir.testing.Transform(Emit, Bytes) = try .init(.{});
    defer emit.deinit();
    const results = try emit.process(&.{
        .{ .bytes = .{ .bytes = "ü" }, .number = -999 },
        .{ .bytes = .{ .bytes = "\xff" }, .number = 0 },
        .{ .bytes = .{ .bytes = "" }, .number = 1000 },
        .{ .bytes = .{ .bytes = "" }, .number = -1000 },
    });
    try results.expect("main", Emitted, &.{.{ .text = "ü", .amounts = &.{.{ .unscaled = -999 }} }});
    try results.expectRefused(&.{
        .{ .row = 1, .reason = "column \"text\" of output \"main\" holds bytes that are not UTF-8 (use weir.Binary)" },
        .{ .row = 2, .reason = "column \"amounts\" of output \"main\" holds a number with too many digits" },
        .{ .row = 3, .reason = "column \"amounts\" of output \"main\" holds a number with too many digits" },
    });
}

/// A row of many columns.
fn Many(comptime columns: usize) type {
    @setEvalBranchQuota(1_000_000);
    var names: [columns][]const u8 = undefined;
    for (&names, 0..) |*name, at| name.* = std.fmt.comptimePrint("a_rather_long_name_of_column_{d}", .{at});
    return @Struct(.auto, null, &names, &@splat(?[]const u8), &@splat(.{ .default_value_ptr = &@as(?[]const u8, "x") }));
}

const Copy = struct {
    pub fn process(_: *const Copy, row: Many(300), out: *weir.Emitter(Many(300))) !void {
        try out.emit(row);
    }
};

test "a row may have hundreds of columns" {
    var copy: weir.testing.Transform(Copy, Many(300)) = try .init(.{});
    defer copy.deinit();
    const results = try copy.process(&.{ .{}, .{ .a_rather_long_name_of_column_299 = null } });
    try results.expect("main", Many(300), &.{ .{}, .{ .a_rather_long_name_of_column_299 = null } });
}

test "times of logs are read, and what is no time is refused with its text" {
    inline for (.{
        .{ "1970-01-01T00:00:00Z", 0 },
        .{ "1970-01-01 00:00:00", 0 },
        .{ "1969-12-31T23:59:59.999999Z", -1 },
        .{ "2000-02-29T12:30:45+00:00", 951_827_445_000_000 },
        .{ "2024-05-01 12:30:00,250", 1_714_566_600_250_000 },
        .{ "2024-05-01T12:30:00.250000000+02:00", 1_714_559_400_250_000 },
        .{ "10/Oct/2000:13:55:36 -0700", 971_211_336_000_000 },
        .{ "2016-12-31T23:59:60Z", 1_483_228_800_000_000 },
        .{ "0000-03-01T00:00:00Z", -62_162_035_200_000_000 },
        .{ "9999-12-31T23:59:59Z", 253_402_300_799_000_000 },
    }) |case| {
        try std.testing.expectEqual(weir.Timestamp{ .micros = case[1] }, try weir.Timestamp.parse(case[0]));
    }
    for ([_][]const u8{
        "",                             "yesterday",             "2023-02-29T00:00:00Z",       "1900-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",         "2024-04-31T00:00:00Z",  "2024-05-00T00:00:00Z",       "2024-05-01T24:00:00Z",
        "2024-05-01T12:30:00.1234567Z", "2024-05-01T12:30:00.Z", "2024-05-01T12:30:00 CET",    "2024-05-01T12:30:00Zx",
        "2024-05-01",                   "+024-05-01T12:30:00Z",  "10/Okt/2000:13:55:36 -0700", "10/anF/2000:13:55:36 -0700",
    }) |text| {
        var buffer: [200]u8 = undefined;
        const message = "\"{s}\" is no time such as 2024-05-01T12:30:00Z or 01/May/2024:12:30:00 +0200";
        try weir.testing.expectRefusal(try std.fmt.bufPrint(&buffer, message, .{text}), weir.Timestamp.parse(text));
    }
}
