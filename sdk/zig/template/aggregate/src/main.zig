//! How far the delays of a window's flights lie apart, in a unit of so many minutes.

const std = @import("std");
const weir = @import("weir");

pub const operator = weir.Aggregate(Spread);

/// The columns that it reads, by name.
const Flight = struct {
    dep_delay: ?i64,
};

/// What is kept per group while its window is open; it starts with the defaults.
const Extremes = struct {
    least: ?i64 = null,
    greatest: ?i64 = null,
};

/// The result column.
const Spreads = struct {
    spread: ?f64,
};

/// The fields are the configuration. In the pipeline file:
/// `aggregates.delays = { component = "...", columns = ["dep_delay"], config = { unit-minutes = 60 } }`
const Spread = struct {
    unit_minutes: i64,

    pub const title = "{{name}}";

    pub fn accumulate(self: *const Spread, extremes: *Extremes, flight: Flight) !void {
        try self.merge(extremes, .{ .least = flight.dep_delay, .greatest = flight.dep_delay });
    }

    // The host aggregates parts of a group on their own: merging them must give what all their rows at once would give.
    pub fn merge(_: *const Spread, extremes: *Extremes, other: Extremes) !void {
        if (other.least) |delay| extremes.least = @min(delay, extremes.least orelse delay);
        if (other.greatest) |delay| extremes.greatest = @max(delay, extremes.greatest orelse delay);
    }

    pub fn finish(self: *const Spread, extremes: Extremes) !Spreads {
        const least = extremes.least orelse return .{ .spread = null };
        const minutes = @as(i128, extremes.greatest.?) - least;
        return .{ .spread = @as(f64, @floatFromInt(minutes)) / @as(f64, @floatFromInt(self.unit_minutes)) };
    }
};

test "it does not matter how the rows are cut" {
    var spread: weir.testing.Aggregate(Spread, Flight) = try .init(.{ .unit_minutes = 20 });
    defer spread.deinit();
    const flights = [_]Flight{ .{ .dep_delay = 30 }, .{ .dep_delay = null }, .{ .dep_delay = -10 }, .{ .dep_delay = 20 } };
    for (0..flights.len + 1) |cut| {
        const answer = try spread.aggregate(&.{ flights[0..cut], flights[cut..] });
        try std.testing.expectEqual(2.0, answer.result.spread);
    }
}
