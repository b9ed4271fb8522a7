//! Maps: state per key that is read entry by entry. What the host has is read once and kept for the call; what the operator changes is
//! seen by the rows that follow, and goes to the host with the answer.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const builder = @import("builder.zig");
const checked = @import("check.zig").checked;
const host = @import("map_host.zig");
const order = @import("order.zig");
const reads = @import("reads.zig");
const refuse = @import("refuse.zig").refuse;
const scanning = @import("map_scan.zig");
const views = @import("view.zig");
const wire = bindings.types;

/// A map: entries per key of the stream, each found by a `K`. Both are rows; `V` may be `struct {}`: a set. It is a field of `Maps`
/// of the operator, whose name is the map's, `_` written as `-`. If its columns change it needs another name.
pub fn Map(comptime K: type, comptime V: type) type {
    return struct {
        arena: Allocator,
        index: u32,
        /// The key of the call that the row has.
        key: u32 = 0,
        entries: std.ArrayList(Known) = .empty,
        at: std.HashMapUnmanaged(Id, u32, Hashing, 80) = .empty,
        /// By key the entry that was known last.
        heads: std.ArrayList(u32) = .empty,
        undo: std.ArrayList(Undo) = .empty,
        wanted: std.ArrayList(Id) = .empty,

        pub const Key = K;
        pub const Value = V;
        pub const Entry = struct { key: K, value: V };
        const Self = @This();
        const Id = struct { key: u32, entry: K };
        /// What is known of an entry, and the entry of the same key that was known before it.
        const Known = struct { key: K, value: ?V, status: Status, previous: u32 };
        const Status = enum { unknown, as_host, changed };
        const Undo = struct { at: u32, value: ?V, status: Status };
        const none = std.math.maxInt(u32);

        /// The value of an entry; null: it is not there.
        pub fn get(self: *Self, key: K) anyerror!?V {
            const at = try self.find(key);
            if (self.entries.items[at].status == .unknown) {
                const found = try self.readHost(&.{.{ .key = self.key, .entry = self.entries.items[at].key }});
                self.entries.items[at].value = found[0];
                self.entries.items[at].status = .as_host;
            }
            return self.entries.items[at].value;
        }

        /// Sets an entry.
        pub fn put(self: *Self, key: K, given: V) error{ Refused, OutOfMemory }!void {
            try checked(V, &given, "the value of a map's entry");
            try self.set(key, try order.copy(V, self.arena, given));
        }

        /// Removes an entry, if it is there.
        pub fn remove(self: *Self, key: K) error{ Refused, OutOfMemory }!void {
            try self.set(key, null);
        }

        /// The entries between two bounds, in the order of their keys.
        pub fn scan(self: *Self, range: scanning.Range(K)) anyerror![]const Entry {
            var changed: std.ArrayList(Known) = .empty;
            var at = if (self.key < self.heads.items.len) self.heads.items[self.key] else none;
            while (at != none) : (at = self.entries.items[at].previous) {
                const known = self.entries.items[at];
                if (known.status == .changed and range.has(known.key)) try changed.append(self.arena, known);
            }
            std.mem.sortUnstable(Known, changed.items, {}, isBefore);
            return scanning.merged(Self, self, range, changed.items);
        }

        /// In `prefetch` of the operator: names an entry that the row will read, so that the host is asked once for a whole batch.
        pub fn prefetch(self: *Self, key: K) void {
            // It is only for speed: without memory for it the row reads its own.
            const entry = order.copy(K, self.arena, key) catch return;
            self.wanted.append(self.arena, .{ .key = self.key, .entry = entry }) catch return;
        }

        fn set(self: *Self, key: K, given: ?V) error{ Refused, OutOfMemory }!void {
            const at = try self.find(key);
            const known = &self.entries.items[at];
            try self.undo.append(self.arena, .{ .at = at, .value = known.value, .status = known.status });
            known.value = given;
            known.status = .changed;
        }

        fn find(self: *Self, key: K) error{ Refused, OutOfMemory }!u32 {
            const found = try self.at.getOrPutContext(self.arena, .{ .key = self.key, .entry = key }, .{});
            if (found.found_existing) return found.value_ptr.*;
            errdefer self.at.removeByPtr(found.key_ptr);
            try checked(K, &key, "the key of a map's entry");
            found.key_ptr.entry = try order.copy(K, self.arena, key);
            found.value_ptr.* = @intCast(self.entries.items.len);
            while (self.heads.items.len <= self.key) try self.heads.append(self.arena, none);
            const head = &self.heads.items[self.key];
            try self.entries.append(self.arena, .{ .key = found.key_ptr.entry, .value = null, .status = .unknown, .previous = head.* });
            head.* = found.value_ptr.*;
            return found.value_ptr.*;
        }

        fn readHost(self: *Self, ids: []const Id) anyerror![]const ?V {
            const keys = try self.arena.alloc(u32, ids.len);
            const entry_keys = try self.arena.alloc(K, ids.len);
            for (ids, keys, entry_keys) |id, *key, *entry| {
                key.* = id.key;
                entry.* = id.entry;
            }
            const nodes = try builder.columnsOf(K, self.arena, entry_keys);
            const answer = host.get(self.index, .of(std.mem.sliceAsBytes(keys)), .of(nodes));
            if (answer.is_error) return refuse("{s}", .{answer.payload.message.slice()});
            const found = answer.payload.ok;
            const columns = try reads.Reader(V).own.open(.{ .rows = @intCast(ids.len), .nodes = found.values.slice() }, self.arena);
            const values = try self.arena.alloc(?V, ids.len);
            for (values, 0..) |*of, at| {
                const is_present = found.present.len == 0 or views.bit(found.present.ptr, at);
                of.* = if (is_present) columns.get(at) else null;
            }
            return values;
        }

        /// Reads the entries that were named. If they are too large to be read at once each row reads its own.
        pub fn readWanted(self: *Self) error{OutOfMemory}!void {
            if (self.wanted.items.len == 0) return;
            var unknown: std.ArrayList(Id) = .empty;
            var indices: std.ArrayList(u32) = .empty;
            for (self.wanted.items) |id| {
                self.key = id.key;
                const known = self.entries.items.len;
                const at = self.find(id.entry) catch |err| switch (err) {
                    // The row that named it is refused when it reads it.
                    error.Refused => continue,
                    error.OutOfMemory => return error.OutOfMemory,
                };
                if (at < known) continue;
                try unknown.append(self.arena, id);
                try indices.append(self.arena, at);
            }
            const values = self.readHost(unknown.items) catch return;
            for (values, indices.items) |of, at| {
                self.entries.items[at].value = of;
                self.entries.items[at].status = .as_host;
            }
        }

        /// Takes back what was changed since there were so many changes.
        pub fn takeBack(self: *Self, changes: usize) void {
            while (self.undo.items.len > changes) {
                const undo = self.undo.pop().?;
                self.entries.items[undo.at].value = undo.value;
                self.entries.items[undo.at].status = undo.status;
            }
        }

        /// What changed; null: nothing.
        pub fn finish(self: *Self) error{OutOfMemory}!?bindings.keyed.MapChanges {
            if (self.undo.items.len == 0) return null;
            var keys: std.ArrayList(u32) = .empty;
            var entry_keys: std.ArrayList(K) = .empty;
            var values: std.ArrayList(?V) = .empty;
            for (self.heads.items, 0..) |head, key| {
                var at = head;
                while (at != none) : (at = self.entries.items[at].previous) {
                    const known = self.entries.items[at];
                    if (known.status != .changed) continue;
                    try keys.append(self.arena, @intCast(key));
                    try entry_keys.append(self.arena, known.key);
                    try values.append(self.arena, known.value);
                }
            }
            const present = try self.arena.alloc(u8, (values.items.len + 7) / 8);
            @memset(present, 0);
            for (values.items, 0..) |of, at| present[at / 8] |= @as(u8, @intFromBool(of != null)) << @intCast(at % 8);
            return .{
                .map_index = self.index,
                .keys = .of(std.mem.sliceAsBytes(keys.items)),
                .entry_keys = .of(try builder.columnsOf(K, self.arena, entry_keys.items)),
                .present = .of(present),
                .values = .of(try builder.columnsOf(V, self.arena, values.items)),
            };
        }

        fn isBefore(_: void, a: Known, b: Known) bool {
            return order.order(K, a.key, b.key) == .lt;
        }

        const Hashing = struct {
            pub fn hash(_: Hashing, id: Id) u64 {
                var hasher: std.hash.Wyhash = .init(id.key);
                order.hash(K, &hasher, id.entry);
                return hasher.final();
            }

            pub fn eql(_: Hashing, a: Id, b: Id) bool {
                return a.key == b.key and order.equal(K, a.entry, b.entry);
            }
        };
    };
}
