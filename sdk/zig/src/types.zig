//! Types of columns that Zig has no type for. Each is one number or slice with a name; none does arithmetic of its own.

const std = @import("std");
const refuse = @import("refuse.zig").refuse;
const timestamp_text = @import("timestamp_text.zig");
const Kind = @import("value.zig").Kind;

/// Bytes that need not be text: the column type `binary`. (`[]const u8` is text, `utf8`.)
pub const Binary = struct {
    bytes: []const u8,

    pub const weir_kind: Kind = .binary;
};

/// A day: days since 1970-01-01.
pub const Date = extern struct {
    days: i32,

    pub const weir_kind: Kind = .fixed;
    pub const weir_format = "tdD";
};

/// An instant: microseconds since the epoch, UTC. The unit of event times and timers. A column of a coarser unit can be read too;
/// a value that does not fit refuses its row.
pub const Timestamp = extern struct {
    micros: i64,

    pub const weir_kind: Kind = .instant;
    pub const weir_format = "tsu:UTC";
    pub const weir_unit: Unit = .microseconds;

    /// Reads a time of RFC 3339 (`2024-05-01T12:30:00.25+02:00`, also with a space) or of a web server's log
    /// (`01/May/2024:12:30:00 +0200`). Without an offset it is UTC.
    pub fn parse(text: []const u8) error{Refused}!Timestamp {
        return .{ .micros = timestamp_text.parse(text) orelse
            return refuse("\"{s}\" is no time such as 2024-05-01T12:30:00Z or 01/May/2024:12:30:00 +0200", .{text}) };
    }
};

/// An instant: seconds since the epoch, UTC.
pub const TimestampSeconds = extern struct {
    seconds: i64,

    pub const weir_kind: Kind = .instant;
    pub const weir_format = "tss:UTC";
    pub const weir_unit: Unit = .seconds;
};

/// An instant: milliseconds since the epoch, UTC.
pub const TimestampMillis = extern struct {
    millis: i64,

    pub const weir_kind: Kind = .instant;
    pub const weir_format = "tsm:UTC";
    pub const weir_unit: Unit = .milliseconds;
};

/// An instant: nanoseconds since the epoch, UTC.
pub const TimestampNanos = extern struct {
    nanos: i64,

    pub const weir_kind: Kind = .instant;
    pub const weir_format = "tsn:UTC";
    pub const weir_unit: Unit = .nanoseconds;
};

/// The units of instants; the value is how many of them a second has.
pub const Unit = enum(i64) { seconds = 1, milliseconds = 1_000, microseconds = 1_000_000, nanoseconds = 1_000_000_000 };

/// A decimal number with `precision` digits, `scale` of them after the point (decimal128). 12.34 at scale 2 is 1234. A number
/// with more digits refuses the row that emits it.
pub fn Decimal(comptime precision: u8, comptime scale: i8) type {
    if (precision < 1 or precision > 38) @compileError("a decimal has 1 to 38 digits");
    return extern struct {
        unscaled: i128,

        pub const weir_kind: Kind = .fixed;
        pub const weir_format = std.fmt.comptimePrint("d:{d},{d}", .{ precision, scale });
        /// The first number that has too many digits.
        pub const weir_limit = std.math.powi(i128, 10, precision) catch unreachable;
    };
}

/// A number of any integer or float column. Integers beyond 2^53 are rounded. Written as float64.
pub const Number = extern struct {
    value: f64,

    pub const weir_kind: Kind = .number;
    pub const weir_format = "g";
};

/// No column, but the event time of the row: microseconds since the epoch. In a row that is emitted it sets the event time.
pub const EventTime = extern struct {
    micros: i64,

    pub const weir_kind: Kind = .event_time;
};

/// No column, but the kind of the row. In a row that is emitted it sets the kind.
pub const RowKind = enum(u8) {
    insert,
    update_before,
    update_after,
    delete,

    pub const weir_kind: Kind = .row_kind;
};
