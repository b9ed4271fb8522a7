//! Timers that an operator registers and deletes during a call.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings").keyed;
const Timestamp = @import("types.zig").Timestamp;

pub const TimeDomain = bindings.TimeDomain;

/// A timer that is due.
pub const Timer = struct {
    /// When it was due.
    time: Timestamp,
    /// The clock that it follows.
    domain: TimeDomain,
};

/// The timers of one key. A timer is its time: registering it twice is registering it once.
pub const Timers = struct {
    changes: *Changes,
    key: u32,

    /// Calls `onTimer` once the watermark has reached `time`.
    pub fn register(self: Timers, time: Timestamp) error{OutOfMemory}!void {
        try self.changes.add(.{ .domain = .event_time, .key = self.key, .time = time.micros, .is_set = true });
    }

    /// Forgets a timer of `register`.
    pub fn delete(self: Timers, time: Timestamp) error{OutOfMemory}!void {
        try self.changes.add(.{ .domain = .event_time, .key = self.key, .time = time.micros, .is_set = false });
    }

    /// Calls `onTimer` once the wall clock has reached `time`; at once, if it is past. At the end of the input it is not called.
    pub fn registerProcessingTime(self: Timers, time: Timestamp) error{OutOfMemory}!void {
        try self.changes.add(.{ .domain = .processing_time, .key = self.key, .time = time.micros, .is_set = true });
    }

    /// Forgets a timer of `registerProcessingTime`.
    pub fn deleteProcessingTime(self: Timers, time: Timestamp) error{OutOfMemory}!void {
        try self.changes.add(.{ .domain = .processing_time, .key = self.key, .time = time.micros, .is_set = false });
    }
};

/// The changes of a call, in the order in which they were made.
pub const Changes = struct {
    arena: Allocator,
    list: std.ArrayList(Change) = .empty,

    const Change = struct { domain: TimeDomain, key: u32, time: i64, is_set: bool };
    const Id = struct { TimeDomain, u32, i64 };

    fn add(self: *Changes, change: Change) error{OutOfMemory}!void {
        // Rows of a key often come together and want the same timer.
        if (self.list.getLastOrNull()) |last| if (std.meta.eql(last, change)) return;
        try self.list.append(self.arena, change);
    }

    /// As the host applies them: deletions first. So what was deleted after it was registered must not be registered.
    pub fn finish(self: *Changes) error{OutOfMemory}!bindings.TimerChanges {
        var last: std.AutoHashMapUnmanaged(Id, usize) = .empty;
        for (self.list.items, 0..) |change, at| try last.put(self.arena, .{ change.domain, change.key, change.time }, at);
        return .{ .add = .of(try self.lists(&last, true)), .remove = .of(try self.lists(&last, false)) };
    }

    fn lists(self: *Changes, last: *const std.AutoHashMapUnmanaged(Id, usize), is_set: bool) error{OutOfMemory}![]const bindings.Timers {
        var all: std.ArrayList(bindings.Timers) = .empty;
        for ([_]TimeDomain{ .event_time, .processing_time }) |domain| {
            var keys: std.ArrayList(u32) = .empty;
            var times: std.ArrayList(i64) = .empty;
            for (self.list.items, 0..) |change, at| {
                if (change.domain != domain or change.is_set != is_set) continue;
                if (last.get(.{ change.domain, change.key, change.time }) != at) continue;
                try keys.append(self.arena, change.key);
                try times.append(self.arena, change.time);
            }
            if (keys.items.len > 0) try all.append(self.arena, .{
                .domain = domain,
                .keys = .of(std.mem.sliceAsBytes(keys.items)),
                .times = .of(std.mem.sliceAsBytes(times.items)),
            });
        }
        return all.items;
    }
};
