//! State, maps and timers.

const std = @import("std");
const weir = @import("weir");
const testing = weir.testing;

const Given = struct { sensor: []const u8, value: i64, word: []const u8, at: weir.EventTime };

fn given(sensor: []const u8, value: i64, word: []const u8) Given {
    return .{ .sensor = sensor, .value = value, .word = word, .at = .{ .micros = value } };
}

/// Does everything, and then refuses rows with a negative value.
const Everything = struct {
    const Row = struct { value: i64, word: []const u8 };
    const Out = struct {
        seen: i64,
        text: []const u8,
        watermark: ?weir.Timestamp,
        pub const keep: weir.Keep = .all;
    };
    const Context = weir.KeyContext(Everything);
    const Word = struct { word: []const u8 };

    pub const Key = struct { sensor: []const u8 };
    pub const State = struct { rows: i64 = 0, last: []const u8 = "", history: []const i64 = &.{} };
    pub const Maps = struct { words: weir.Map(Word, struct { count: i64 }), seen_words: weir.Map(Word, struct {}) };

    pub fn prefetch(_: *const Everything, row: Row, maps: *Maps) void {
        maps.words.prefetch(.{ .word = row.word });
    }

    pub fn process(_: *const Everything, row: Row, of: *Context, out: *weir.Emitter(Out)) !void {
        const before = of.state orelse State{};
        const last = try out.print("{s}:{s}", .{ of.key.sensor, row.word });
        const history = try of.arena.dupe(i64, &.{ before.rows, row.value });
        of.state = .{ .rows = before.rows + 1, .last = last, .history = history };
        const count = if (try of.maps.words.get(.{ .word = row.word })) |entry| entry.count else 0;
        // What a map is given may be gone afterwards.
        var buffer: [64]u8 = undefined;
        try of.maps.words.put(.{ .word = try std.fmt.bufPrint(&buffer, "{s}", .{row.word}) }, .{ .count = count + 1 });
        try of.maps.seen_words.put(.{ .word = last }, .{});
        try of.timers.register(.{ .micros = row.value + 10 });
        try of.timers.registerProcessingTime(.{ .micros = 100 });
        try of.timers.delete(.{ .micros = 10 });
        try out.emit(.{ .seen = count + 1, .text = last, .watermark = of.watermark });
        if (row.value < 0) return weir.refuse("value is {d}", .{row.value});
        if (row.value == 99) of.state = null;
    }

    pub fn onTimer(_: *const Everything, timer: weir.Timer, of: *Context, out: *weir.Emitter(Out)) !void {
        if (timer.time.micros == 15) return error.NotNow;
        if (timer.domain == .event_time and timer.time.micros == 11) try of.timers.delete(.{ .micros = 12 });
        if (timer.domain == .processing_time) of.state = null;
        const words = try of.maps.words.scan(.{});
        try out.emit(.{ .seen = @intCast(words.len), .text = of.key.sensor, .watermark = of.watermark });
    }
};

const Seen = struct { sensor: []const u8, seen: i64, text: []const u8 };

test "a refused row leaves no trace in outputs, state, maps and timers" {
    var everything: testing.Keyed(Everything, Given, &.{"sensor"}) = try .init(.{});
    defer everything.deinit();
    const results = try everything.process(&.{
        given("a", -1, "x"),
        given("a", 1, "x"),
        given("b", 2, "x"),
        given("a", -2, "x"),
        given("a", -3, "new"),
        given("a", 2, "x"),
        given("c", -4, "x"),
        given("a", -5, "y"),
    });
    try results.expect("main", Seen, &.{
        .{ .sensor = "a", .seen = 1, .text = "a:x" },
        .{ .sensor = "b", .seen = 1, .text = "b:x" },
        .{ .sensor = "a", .seen = 2, .text = "a:x" },
    });
    try std.testing.expectEqual(5, results.refused.items.len);
    try std.testing.expectEqualDeep(Everything.State{ .rows = 2, .last = "a:x", .history = &.{ 1, 2 } }, everything.state(.{ .sensor = "a" }));
    try std.testing.expectEqual(2, everything.stateCount());
    try std.testing.expectEqual(4, everything.entryCount());
    try std.testing.expectEqual(2, everything.entry(.words, .{ .sensor = "a" }, .{ .word = "x" }).?.count);
    try std.testing.expectEqual(null, everything.entry(.words, .{ .sensor = "a" }, .{ .word = "new" }));
    try std.testing.expectEqual(null, everything.entry(.words, .{ .sensor = "z" }, .{ .word = "x" }));
    // Two of `a` and one of `b` by the watermark, and one of each by the clock.
    try std.testing.expectEqual(5, everything.timerCount());
    try std.testing.expectEqualDeep(@as([]const weir.Timer, &.{
        .{ .time = .{ .micros = 11 }, .domain = .event_time },
        .{ .time = .{ .micros = 12 }, .domain = .event_time },
        .{ .time = .{ .micros = 100 }, .domain = .processing_time },
    }), try everything.timersOf(.{ .sensor = "a" }));
}

test "timers of both clocks fire in order, and a refused one does not come again" {
    var everything: testing.Keyed(Everything, Given, &.{"sensor"}) = try .init(.{});
    defer everything.deinit();
    _ = try everything.process(&.{ given("a", 1, "x"), given("a", 2, "y"), given("a", 5, "z"), given("b", 3, "x") });
    const fired = try everything.advanceTo(.{ .micros = 20 });
    // The one at 11 deletes the one at 12.
    try fired.expect("main", Seen, &.{
        .{ .sensor = "a", .seen = 3, .text = "a" },
        .{ .sensor = "b", .seen = 1, .text = "b" },
    });
    try fired.expect("main", struct { value: ?i64, watermark: ?weir.Timestamp, at: weir.EventTime }, &.{
        .{ .value = null, .watermark = .{ .micros = 20 }, .at = .{ .micros = 11 } },
        .{ .value = null, .watermark = .{ .micros = 20 }, .at = .{ .micros = 13 } },
    });
    try fired.expectRefused(&.{.{ .row = 0, .reason = "NotNow" }});
    try std.testing.expectEqual(2, everything.timerCount());
    try std.testing.expectEqual(2, everything.stateCount());
    _ = try everything.advanceProcessingTimeTo(.{ .micros = 100 });
    try std.testing.expectEqual(0, everything.timerCount());
    try std.testing.expectEqual(0, everything.stateCount());
}

test "a state is removed, and one that does not change is not written" {
    const Lazy = struct {
        pub const State = struct { text: []const u8, float: f64 };

        pub fn process(_: *const @This(), row: struct { value: i64 }, of: *weir.KeyContext(@This()), _: *weir.Emitter(struct {})) !void {
            if (row.value == 0) of.state = null;
            if (row.value == 1) of.state = .{ .text = try of.arena.dupe(u8, "same"), .float = std.math.nan(f64) };
            if (row.value == 2) of.state = .{ .text = "\xff", .float = 0 };
        }
    };
    const Row = struct { key: i64, value: i64 };
    var lazy: testing.Keyed(Lazy, Row, &.{"key"}) = try .init(.{});
    defer lazy.deinit();
    _ = try lazy.process(&.{ .{ .key = 1, .value = 1 }, .{ .key = 1, .value = 1 } });
    try std.testing.expectEqual(1, lazy.stateCount());

    try std.testing.expectEqual(1, lazy.changed);
    _ = try lazy.process(&.{ .{ .key = 1, .value = 1 }, .{ .key = 2, .value = 5 } });
    try std.testing.expectEqual(0, lazy.changed);

    const bad = try lazy.process(&.{.{ .key = 1, .value = 2 }});
    try bad.expectRefused(&.{.{ .row = 0, .reason = "column \"text\" of the state holds bytes that are not UTF-8 (use weir.Binary)" }});
    try std.testing.expectEqualStrings("same", lazy.state(.{ .key = 1 }).?.text);
    _ = try lazy.process(&.{.{ .key = 1, .value = 0 }});
    try std.testing.expectEqual(0, lazy.stateCount());
}

const Scans = struct {
    const Id = struct { tag: ?[]const u8, number: f64 };

    pub const Maps = struct { entries: weir.Map(Id, struct { value: i64 }) };

    pub fn process(_: *const Scans, row: struct { value: i64 }, of: *weir.KeyContext(Scans), out: *weir.Emitter(struct { found: []const i64 })) !void {
        const entries = &of.maps.entries;
        const key: Id = .{ .tag = "k", .number = @floatFromInt(row.value) };
        if (row.value < 100) return entries.put(key, .{ .value = row.value });
        // What the host has is merged with what the call has changed.
        try entries.remove(.{ .tag = "k", .number = 3 });
        try entries.put(.{ .tag = "k", .number = 4 }, .{ .value = 44 });
        try entries.put(.{ .tag = null, .number = std.math.inf(f64) }, .{ .value = -7 });
        try entries.put(.{ .tag = "k", .number = -0.5 }, .{ .value = -5 });
        const all = try entries.scan(.{});
        const some = try entries.scan(.{ .from = .{ .tag = "k", .number = 1 }, .before = .{ .tag = "k", .number = 6 }, .limit = 3 });
        const others = try entries.scan(.{ .after = .{ .tag = "k", .number = 6 }, .to = .{ .tag = "l", .number = 0 } });
        const tighter = try entries.scan(.{
            .from = .{ .tag = "k", .number = 2 },
            .after = .{ .tag = "k", .number = 1 },
            .to = .{ .tag = "k", .number = 5 },
            .before = .{ .tag = "k", .number = 5 },
        });
        const none = try entries.scan(.{ .from = .{ .tag = "k", .number = 6 }, .to = .{ .tag = "k", .number = 5 } });
        for ([_]@TypeOf(all){ all, some, others, tighter, none }) |list| {
            const values = try out.arena.alloc(i64, list.len);
            for (list, values) |entry, *value| value.* = entry.value.value;
            try out.emit(.{ .found = values });
        }
    }
};

test "a scan merges what the host has with what the call has changed" {
    const Row = struct { key: u8, value: i64 };
    var scans: testing.Keyed(Scans, Row, &.{"key"}) = try .init(.{});
    defer scans.deinit();
    for ([_]i64{ 7, 2, 5, 1, 8, 3, 4, 6 }) |value| _ = try scans.process(&.{ .{ .key = 1, .value = value }, .{ .key = 2, .value = 9 } });
    const results = try scans.process(&.{.{ .key = 1, .value = 100 }});
    try results.expect("main", struct { found: []const i64 }, &.{
        .{ .found = &.{ -7, -5, 1, 2, 44, 5, 6, 7, 8 } },
        .{ .found = &.{ 1, 2, 44 } },
        .{ .found = &.{ 7, 8 } },
        .{ .found = &.{ 2, 44 } },
        .{ .found = &.{} },
    });
    try std.testing.expectEqual(10, scans.entryCount());
}

const Migrates = struct {
    pub const State = struct { count: u64, note: ?[]const u8 };
    pub const version: u32 = 3;

    pub fn process(_: *const Migrates, _: struct {}, _: *weir.KeyContext(Migrates), _: *weir.Emitter(struct {})) !void {}

    pub fn migrate(_: *const Migrates, from_version: u32, old: weir.OldStates) ![]?State {
        if (from_version == 2) return old.read(State);
        const states = try old.read(struct { count: u32 });
        const migrated = try old.arena.alloc(?State, states.len);
        for (states, migrated) |state, *to| to.* = if (state) |of| .{ .count = of.count, .note = "old" } else null;
        return migrated;
    }
};

test "states of other versions are migrated" {
    var migrates: testing.Keyed(Migrates, struct { key: i64 }, &.{"key"}) = try .init(.{});
    defer migrates.deinit();
    const Old = struct { count: u32 };
    const migrated = try migrates.migrate(1, Old, &.{ .{ .count = 5 }, null });
    try std.testing.expectEqualDeep(@as([]const ?Migrates.State, &.{ .{ .count = 5, .note = "old" }, null }), migrated);
    const by_name = try migrates.migrate(2, struct { count: u64, other: bool }, &.{.{ .count = 6, .other = true }});
    try std.testing.expectEqualDeep(@as([]const ?Migrates.State, &.{.{ .count = 6, .note = null }}), by_name);
    try testing.expectRefusal(
        "column \"count\" is uint32, not uint64",
        migrates.migrate(2, Old, &.{null}),
    );
    try std.testing.expectEqual(3, migrates.plan.state.value.version);
}

test "states of another version are matched by name without a migration, and none of their columns may miss" {
    const Kept = struct {
        pub const State = struct { count: u64, note: ?[]const u8 };

        pub fn process(_: *const @This(), _: struct {}, _: *weir.KeyContext(@This()), _: *weir.Emitter(struct {})) !void {}
    };
    var kept: testing.Keyed(Kept, struct { key: i64 }, &.{"key"}) = try .init(.{});
    defer kept.deinit();
    const Old = struct { count: u64 };
    try testing.expectRefusal(
        "there is no migration from version 2 of the state, and its columns do not fit: " ++
            "there is no column \"note\" (utf8), which the operator reads; the input has count: uint64",
        kept.migrate(2, Old, &.{.{ .count = 5 }}),
    );
    const Newer = struct { note: ?[]const u8, other: bool, count: u64 };
    const matched = try kept.migrate(2, Newer, &.{.{ .note = null, .other = true, .count = 5 }});
    try std.testing.expectEqualDeep(@as([]const ?Kept.State, &.{.{ .count = 5, .note = null }}), matched);
}

test "a key of a map that is no text refuses its row, whatever is done with it" {
    const Word = struct { word: []const u8 };
    const Does = struct {
        pub const Maps = struct { words: weir.Map(Word, struct { n: i64 }) };

        pub fn prefetch(_: *const @This(), _: struct { does: i64 }, maps: *Maps) void {
            maps.words.prefetch(.{ .word = "\xff" });
        }

        pub fn process(_: *const @This(), row: struct { does: i64 }, of: *weir.KeyContext(@This()), _: *weir.Emitter(struct {})) !void {
            const bad: Word = .{ .word = "\xff" };
            const words = &of.maps.words;
            switch (row.does) {
                0 => _ = try words.get(bad),
                1 => try words.put(bad, .{ .n = 1 }),
                2 => try words.remove(bad),
                3 => _ = try words.scan(.{ .from = bad }),
                4 => _ = try words.scan(.{ .from = .{ .word = "b" }, .before = bad }),
                else => try words.put(.{ .word = "good" }, .{ .n = 1 }),
            }
        }
    };
    const Row = struct { key: i64, does: i64 };
    var does: testing.Keyed(Does, Row, &.{"key"}) = try .init(.{});
    defer does.deinit();
    var rows: [6]Row = undefined;
    for (&rows, 0..) |*row, at| row.* = .{ .key = 1, .does = @intCast(at) };
    const results = try does.process(&rows);
    const key = "column \"word\" of the key of a map's entry holds bytes that are not UTF-8 (use weir.Binary)";
    const bound = "column \"word\" of a bound of a scan holds bytes that are not UTF-8 (use weir.Binary)";
    try results.expectRefused(&.{
        .{ .row = 0, .reason = key },
        .{ .row = 1, .reason = key },
        .{ .row = 2, .reason = key },
        .{ .row = 3, .reason = bound },
        .{ .row = 4, .reason = bound },
    });
    try std.testing.expectEqual(1, does.entryCount());
}

test "a key that the input is not keyed by is refused" {
    const Row = struct { sensor: []const u8, value: i64, word: []const u8 };
    try testing.expectRefusal(
        "among the columns that the input is keyed by: there is no column \"sensor\" (utf8), which the operator reads; the input has value: int64",
        testing.Keyed(Everything, Row, &.{"value"}).init(.{}),
    );
}

const Join = struct {
    const Out = struct {
        item: []const u8,
        amount: f64,
        pub const keep: weir.Keep = .{ .columns = &.{.{ .column = "id", .name = "id", .input = "orders" }} };
    };
    const Context = weir.KeyContext(Join);

    pub const Key = struct { id: i64 };
    pub const State = struct { item: []const u8 };
    pub const inputs = struct {
        pub fn orders(_: *const Join, order: struct { item: []const u8 }, of: *Context, _: *weir.Emitter(Out)) !void {
            of.state = .{ .item = order.item };
        }

        pub fn payments(_: *const Join, payment: struct { amount: f64 }, of: *Context, out: *weir.Emitter(Out)) !void {
            const state = of.state orelse return weir.refuse("there is no order {d}", .{of.key.id});
            try out.emit(.{ .item = state.item, .amount = payment.amount });
        }
    };
};

test "several inputs share the state of a key" {
    const Row = union(enum) {
        orders: struct { id: i64, item: []const u8 },
        payments: struct { amount: f64, id: i64 },
    };
    var join: testing.Keyed(Join, Row, &.{"id"}) = try .init(.{});
    defer join.deinit();
    const results = try join.process(&.{
        .{ .orders = .{ .id = 1, .item = "tea" } },
        .{ .payments = .{ .id = 1, .amount = 2.5 } },
        .{ .payments = .{ .id = 2, .amount = 1 } },
    });
    const Paid = struct { item: []const u8, amount: f64 };
    try results.expect("main", Paid, &.{.{ .item = "tea", .amount = 2.5 }});
    try results.expectRefused(&.{.{ .row = 2, .reason = "there is no order 2" }});
}

test "a kept column that several inputs have needs the name of its input" {
    const Both = struct {
        const Out = struct {
            pub const keep: weir.Keep = .{ .columns = &.{.as("id", "order")} };
        };
        pub const inputs = struct {
            pub fn a(_: *const Self, _: struct {}, _: *weir.KeyContext(Self), _: *weir.Emitter(Out)) !void {}
            pub fn b(_: *const Self, _: struct {}, _: *weir.KeyContext(Self), _: *weir.Emitter(Out)) !void {}
        };
        const Self = @This();
    };
    const Row = union(enum) { a: struct { id: i64 }, b: struct { id: i64 } };
    try testing.expectRefusal(
        "several inputs have a column \"id\", which output \"main\" keeps: write .{ .column = \"id\", .name = \"order\", .input = \"a\" }",
        testing.Keyed(Both, Row, &.{"id"}).init(.{}),
    );
}

test "it does not matter how rows are cut into batches" {
    var rows: [12]Given = undefined;
    for (&rows, 0..) |*row, at| {
        const value: i64 = @intCast(at);
        row.* = given(if (at % 3 == 0) "a" else "b", if (at % 4 == 1) -value else value, if (at % 2 == 0) "x" else "y");
    }
    for (0..rows.len + 1) |cut| {
        var everything: testing.Keyed(Everything, Given, &.{"sensor"}) = try .init(.{});
        defer everything.deinit();
        const first = try everything.process(rows[0..cut]);
        const second = try everything.process(rows[cut..]);
        const emitted = try std.mem.concat(everything.memory.allocator(), Seen, &.{ try first.rows("main", Seen), try second.rows("main", Seen) });
        try std.testing.expectEqualDeep(@as([]const Seen, &.{
            .{ .sensor = "a", .seen = 1, .text = "a:x" },
            .{ .sensor = "b", .seen = 1, .text = "b:x" },
            .{ .sensor = "a", .seen = 1, .text = "a:y" },
            .{ .sensor = "b", .seen = 2, .text = "b:x" },
            .{ .sensor = "a", .seen = 2, .text = "a:x" },
            .{ .sensor = "b", .seen = 1, .text = "b:y" },
            .{ .sensor = "b", .seen = 3, .text = "b:x" },
            .{ .sensor = "b", .seen = 4, .text = "b:x" },
            .{ .sensor = "b", .seen = 2, .text = "b:y" },
        }), @as([]const Seen, emitted));
        try std.testing.expectEqual(3, everything.state(.{ .sensor = "a" }).?.rows);
        try std.testing.expectEqual(6, everything.state(.{ .sensor = "b" }).?.rows);
        try std.testing.expectEqual(8, everything.entryCount());
        // The one at 10 is deleted by the row that registers it.
        try std.testing.expectEqual(10, everything.timerCount());
    }
}
