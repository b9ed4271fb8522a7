//! A line of the operator's log.

const std = @import("std");
const bindings = @import("operator_bindings");

/// Bytes; the rest of a longer line is cut.
pub const line_max = 4096;

/// The host takes nothing but UTF-8: other bytes become U+FFFD, which has three.
pub fn writeLine(level: bindings.log.Level, message: []const u8) void {
    var buffer: [3 * line_max]u8 = undefined;
    var writer: std.Io.Writer = .fixed(&buffer);
    writer.print("{f}", .{std.unicode.fmtUtf8(message[0..@min(message.len, line_max)])}) catch {};
    bindings.log.log(level, .of(writer.buffered()));
}
