//! Refusing a row: an error with a message. Zig's errors carry none, so the message of the last one is kept beside it.

const std = @import("std");
const wire = @import("operator_bindings").types;

threadlocal var buffer: [4096]u8 = undefined;
threadlocal var message: []const u8 = "";

/// An error with a message: `return weir.refuse("the price is {d}", .{row.price})` refuses the row, and in `validate` the
/// configuration. A message of more than 4 KiB is cut, and ends in `...`; bytes that are
/// not UTF-8 become U+FFFD.
pub fn refuse(comptime fmt: []const u8, args: anytype) error{Refused} {
    const end = "...";
    var writer: std.Io.Writer = .fixed(buffer[0 .. buffer.len - end.len]);
    message = if (writer.print(fmt, args)) writer.buffered() else |_| cut: {
        @memcpy(buffer[writer.end..][0..end.len], end);
        break :cut buffer[0 .. writer.end + end.len];
    };
    return error.Refused;
}

/// What an error says: the message of `refuse`, or the name of any other error.
pub fn reasonOf(of: anyerror, arena: std.mem.Allocator) error{OutOfMemory}![]const u8 {
    defer message = "";
    if (of != error.Refused or message.len == 0) return @errorName(of);
    // The host takes nothing but UTF-8.
    return std.fmt.allocPrint(arena, "{f}", .{std.unicode.fmtUtf8(message)});
}

/// The rows (or timers) that a call has refused.
pub const Failures = struct {
    list: std.ArrayList(wire.RowFailure) = .empty,

    /// Refuses a row for an error. Memory that does not suffice is not the row's fault: it fails the call.
    pub noinline fn add(self: *Failures, arena: std.mem.Allocator, row: usize, of: anyerror) error{OutOfMemory}!void {
        if (of == error.OutOfMemory) return error.OutOfMemory;
        try self.list.append(arena, .{ .row = @intCast(row), .reason = .of(try reasonOf(of, arena)) });
    }
};
