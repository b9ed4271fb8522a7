//! Emits a flight when its delay is far from that of the last flight of its carrier, and says so when a carrier has been silent.

const std = @import("std");
const weir = @import("weir");

pub const operator = weir.Keyed(Jumps);

/// The columns that it reads, by name, and the event time.
const Flight = struct {
    dep_delay: i64,
    departed: weir.EventTime,
};

/// The main output, and the side output `silent`.
const Output = union(enum) { main: Jump, silent: Silent };

/// All columns of the input, and one more.
const Jump = struct {
    jump: i64,

    pub const keep: weir.Keep = .all;
};

/// Only the carrier.
const Silent = struct {
    pub const keep: weir.Keep = .{ .columns = &.{.of("carrier")} };
};

const Context = weir.KeyContext(Jumps);
const Emitter = weir.Emitter(Output);

/// The fields are the configuration: `config = { minutes = 30, silence-minutes = 120 }` in the pipeline file, which also says
/// `key-by = ["carrier"]`.
const Jumps = struct {
    minutes: u32,
    silence_minutes: u32,

    pub const title = "{{name}}";

    /// What is kept per carrier, between batches and over restarts.
    pub const State = struct {
        dep_delay: i64,
        silent_at: weir.Timestamp,
    };

    pub fn process(self: *const Jumps, flight: Flight, of: *Context, out: *Emitter) !void {
        const silence = self.silence_minutes * @as(i64, std.time.us_per_min);
        const silent_at: weir.Timestamp = .{ .micros = try std.math.add(i64, flight.departed.micros, silence) };
        const before = of.state;
        of.state = .{ .dep_delay = flight.dep_delay, .silent_at = silent_at };
        if (before) |last| {
            try of.timers.delete(last.silent_at);
            const jump = try std.math.sub(i64, flight.dep_delay, last.dep_delay);
            if (last.silent_at.micros < flight.departed.micros) {
                // The timer is due, but timers fire after the batch: this row came first.
                try out.emit(.{ .silent = .{} });
            } else if (@abs(jump) >= self.minutes) {
                try out.emit(.{ .main = .{ .jump = jump } });
            }
        }
        try of.timers.register(silent_at);
    }

    pub fn onTimer(_: *const Jumps, _: weir.Timer, of: *Context, out: *Emitter) !void {
        of.state = null;
        try out.emit(.{ .silent = .{} });
    }
};

test "a jump and then silence" {
    const Given = struct { carrier: []const u8, dep_delay: i64, departed: weir.EventTime };
    var jumps: weir.testing.Keyed(Jumps, Given, &.{"carrier"}) = try .init(.{ .minutes = 30, .silence_minutes = 60 });
    defer jumps.deinit();
    const flights = try jumps.process(&.{
        .{ .carrier = "UA", .dep_delay = 0, .departed = .{ .micros = 0 } },
        .{ .carrier = "AA", .dep_delay = 5, .departed = .{ .micros = 0 } },
        .{ .carrier = "UA", .dep_delay = 40, .departed = .{ .micros = 10 * std.time.us_per_min } },
        .{ .carrier = "AA", .dep_delay = 6, .departed = .{ .micros = 10 * std.time.us_per_min } },
    });
    const SeenJump = struct { carrier: []const u8, dep_delay: i64, jump: i64 };
    try flights.expect("main", SeenJump, &.{.{ .carrier = "UA", .dep_delay = 40, .jump = 40 }});

    const silences = try jumps.advanceTo(.{ .micros = 70 * std.time.us_per_min });
    const SeenSilence = struct { carrier: []const u8 };
    try silences.expect("silent", SeenSilence, &.{ .{ .carrier = "UA" }, .{ .carrier = "AA" } });
    try std.testing.expectEqual(0, jumps.stateCount());
}
