//! Where `std.debug.print` writes to in a component, which has no standard error: what one call prints is one line of the operator's log.

const std = @import("std");
const line_max = @import("line.zig").line_max;
const writeLine = @import("line.zig").writeLine;

/// The root's `std_options_debug_io`. It can do nothing else.
pub const io: std.Io = .{ .userdata = null, .vtable = &vtable };

const vtable = vtable: {
    var table = std.Io.failing.vtable.*;
    table.swapCancelProtection = swapCancelProtection;
    table.lockStderr = lock;
    table.unlockStderr = unlock;
    break :vtable table;
};

var line: [line_max]u8 = undefined;
/// Its buffer is set by `std.debug`; `text` has what left it.
var stderr: std.Io.File.Writer = undefined;
var text: std.Io.Writer = undefined;

fn swapCancelProtection(_: ?*anyopaque, _: std.Io.CancelProtection) std.Io.CancelProtection {
    return .unblocked;
}

fn lock(_: ?*anyopaque, _: ?std.Io.Terminal.Mode) std.Io.Cancelable!std.Io.LockedStderr {
    text = .fixed(&line);
    stderr = .{ .io = io, .file = undefined, .interface = .{ .vtable = &.{ .drain = drain }, .buffer = &.{} } };
    return .{ .file_writer = &stderr, .terminal_mode = .no_color };
}

fn unlock(_: ?*anyopaque) void {
    stderr.interface.flush() catch {};
    writeLine(.info, std.mem.trimEnd(u8, text.buffered(), "\n"));
}

/// A line that is too long is cut.
fn drain(writer: *std.Io.Writer, data: []const []const u8, splat: usize) std.Io.Writer.Error!usize {
    text.writeAll(writer.buffered()) catch {};
    writer.end = 0;
    return text.writeSplat(data, splat) catch std.Io.Writer.countSplat(data, splat);
}
