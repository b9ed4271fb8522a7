//! A keyed counter with a state, timers, a map and a migration of its state. What it means is written in
//! tests/conformance/README.md, for all languages.

const std = @import("std");
const weir = @import("weir");

pub const operator = weir.Keyed(Counter);

/// What it reads.
const Value = struct { word: ?[]const u8, value: i64, at: weir.EventTime };

const Word = struct { word: []const u8 };

const Times = struct { times: i64 };

const Output = union(enum) { main: Counted, summary: Summary, alarm: Alarm };

const Counted = struct {
    count: u64,
    total: i64,
    times: ?i64,

    pub const keep: weir.Keep = .all;
};

const Summary = struct {
    count: u64,
    words: i64,
    first: ?[]const u8,

    pub const keep: weir.Keep = .{ .columns = &.{.of("key")} };
};

const Alarm = struct {
    count: u64,

    pub const keep: weir.Keep = .{ .columns = &.{.of("key")} };
};

const Context = weir.KeyContext(Counter);
const words_max = 1000;

/// How long a key is silent before it is summarized, and when its alarm goes off.
const Counter = struct {
    gap_seconds: i64,
    alarm_seconds: ?i64,
    total_max: ?i64,

    pub const title = "A counter per key";
    pub const version: u32 = 2;
    pub const State = struct {
        count: u64 = 0,
        total: i64 = 0,
        due: ?weir.Timestamp = null,
        alarm: ?weir.Timestamp = null,
    };
    pub const Maps = struct { words: weir.Map(Word, Times) };

    pub fn validate(self: *const Counter) !void {
        if (self.gap_seconds < 1) return weir.refuse("`gap-seconds` is at least 1", .{});
        if ((self.alarm_seconds orelse 1) < 1) return weir.refuse("`alarm-seconds` is at least 1", .{});
    }

    pub fn prefetch(_: *const Counter, row: Value, maps: *Maps) void {
        if (row.word) |word| maps.words.prefetch(.{ .word = word });
    }

    pub fn process(self: *const Counter, row: Value, of: *Context, out: *weir.Emitter(Output)) !void {
        if (of.state) |state| if (state.due) |due| {
            if (due.micros <= row.at.micros) try summarize(of, out);
        };
        if (of.state == null) {
            const alarm = if (self.alarm_seconds) |seconds| try after(of.processing_time.micros, seconds, "alarm") else null;
            if (alarm) |time| try of.timers.registerProcessingTime(time);
            of.state = .{ .alarm = alarm };
        }
        const state = &of.state.?;
        state.count = std.math.add(u64, state.count, 1) catch return weir.refuse("count is out of range", .{});
        state.total = std.math.add(i64, state.total, row.value) catch return weir.refuse("total is out of range", .{});
        var times: ?i64 = null;
        if (row.word) |word| {
            const known = try of.maps.words.get(.{ .word = word });
            times = 1 + if (known) |entry| entry.times else 0;
            try of.maps.words.put(.{ .word = word }, .{ .times = times.? });
        }
        if (row.value < 0) return weir.refuse("value is {d}", .{row.value});
        const due = try after(row.at.micros, self.gap_seconds, "due");
        if (state.due) |before| try of.timers.delete(before);
        state.due = due;
        try of.timers.register(due);
        try out.emit(.{ .main = .{ .count = state.count, .total = state.total, .times = times } });
    }

    pub fn onTimer(self: *const Counter, timer: weir.Timer, of: *Context, out: *weir.Emitter(Output)) !void {
        const state = if (of.state) |*state| state else return;
        const total = state.total;
        switch (timer.domain) {
            .event_time => if (std.meta.eql(state.due, timer.time)) try summarize(of, out),
            .processing_time => if (std.meta.eql(state.alarm, timer.time)) {
                try out.emit(.{ .alarm = .{ .count = state.count } });
                state.alarm = null;
            },
        }
        if (self.total_max) |max| if (total > max) return weir.refuse("total is {d}", .{total});
    }

    pub fn migrate(_: *const Counter, from_version: u32, old: weir.OldStates) ![]?State {
        if (from_version != 1) return old.readWhole(State);
        const counts = try old.read(struct { count: u32 });
        const states = try old.arena.alloc(?State, counts.len);
        for (counts, states) |count, *state| state.* = if (count) |of| .{ .count = of.count } else null;
        return states;
    }
};

/// So many seconds later.
fn after(micros: i64, seconds: i64, comptime name: []const u8) !weir.Timestamp {
    const gap = std.math.mul(i64, seconds, std.time.us_per_s) catch return weir.refuse(name ++ " is out of range", .{});
    return .{ .micros = std.math.add(i64, micros, gap) catch return weir.refuse(name ++ " is out of range", .{}) };
}

/// Emits what is known of a key, and forgets it.
fn summarize(of: *Context, out: *weir.Emitter(Output)) !void {
    const state = of.state.?;
    if (state.due) |due| try of.timers.delete(due);
    if (state.alarm) |alarm| try of.timers.deleteProcessingTime(alarm);
    const words = try of.maps.words.scan(.{ .limit = words_max });
    for (words) |entry| try of.maps.words.remove(entry.key);
    try out.emit(.{ .summary = .{
        .count = state.count,
        .words = @intCast(words.len),
        .first = if (words.len > 0) words[0].key.word else null,
    } });
    of.state = null;
}
