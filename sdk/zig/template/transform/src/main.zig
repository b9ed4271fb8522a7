//! Says of each flight whether it left late, and leaves out those that never left.

const weir = @import("weir");

pub const operator = weir.Transform(Classify);

/// The columns that it reads, by name. More columns may come; they cost nothing.
const Flight = struct {
    dep_delay: ?i64,
};

/// The columns that it emits: all of the input, and one more.
const Classified = struct {
    late: bool,

    pub const keep: weir.Keep = .all;
};

/// The fields are the configuration: `config = { late-after-minutes = 15 }` in the pipeline file.
const Classify = struct {
    late_after_minutes: i64,

    pub const title = "{{name}}";

    pub fn process(self: *const Classify, flight: Flight, out: *weir.Emitter(Classified)) !void {
        const minutes = flight.dep_delay orelse return;
        if (minutes < -24 * 60) {
            // `on-error` in the pipeline file says what happens to this row.
            return weir.refuse("it left {d} minutes before its time", .{@abs(minutes)});
        }
        try out.emit(.{ .late = minutes > self.late_after_minutes });
    }
};

test "flights that left are classified" {
    var flights: weir.testing.Transform(Classify, Flight) = try .init(.{ .late_after_minutes = 15 });
    defer flights.deinit();
    const results = try flights.process(&.{
        .{ .dep_delay = 20 },
        .{ .dep_delay = null },
        .{ .dep_delay = -3 },
        .{ .dep_delay = -2000 },
    });
    const Seen = struct { dep_delay: i64, late: bool };
    try results.expect("main", Seen, &.{
        .{ .dep_delay = 20, .late = true },
        .{ .dep_delay = -3, .late = false },
    });
    try results.expectRefused(&.{.{ .row = 3, .reason = "it left 2000 minutes before its time" }});
}
