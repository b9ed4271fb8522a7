//! The share of a window's flights, in percent, whose delay is in one of some classes. A flight without a class does not count.

const std = @import("std");
const weir = @import("weir");

pub const operator = weir.Aggregate(Punctual);

/// What it reads.
const Flight = struct {
    delay_class: ?[]const u8,
};

/// What is kept per group while its window is open.
const Counts = struct {
    flights: u64 = 0,
    punctual: u64 = 0,
};

/// The result.
const Percent = struct {
    percent: ?f64,
};

/// The fields are the configuration.
const Punctual = struct {
    classes: []const []const u8,

    pub const title = "The share of punctual flights";

    pub fn accumulate(self: *const Punctual, counts: *Counts, flight: Flight) !void {
        const class = flight.delay_class orelse return;
        counts.flights += 1;
        for (self.classes) |one| {
            if (std.mem.eql(u8, one, class)) {
                counts.punctual += 1;
                return;
            }
        }
    }

    pub fn merge(_: *const Punctual, counts: *Counts, other: Counts) !void {
        counts.flights += other.flights;
        counts.punctual += other.punctual;
    }

    pub fn finish(_: *const Punctual, counts: Counts) !Percent {
        if (counts.flights == 0) return .{ .percent = null };
        const flights: f64 = @floatFromInt(counts.flights);
        const punctual: f64 = @floatFromInt(counts.punctual);
        return .{ .percent = 100 * punctual / flights };
    }
};
