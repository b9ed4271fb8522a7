//! Scans of a map: what the host has, page by page, merged with what the call has changed.

const std = @import("std");
const bindings = @import("operator_bindings");
const builder = @import("builder.zig");
const checked = @import("check.zig").checked;
const host = @import("map_host.zig");
const order = @import("order.zig").order;
const reads = @import("reads.zig");
const refuse = @import("refuse.zig").refuse;
const maps = bindings.maps;

/// Which entries a scan gives: `.{}` all, `.{ .from = key, .before = key, .limit = 10 }` some. All that is given applies: of `from`
/// and `after` the later one, of `to` and `before` the earlier one.
pub fn Range(comptime K: type) type {
    return struct {
        /// From this key on, with it.
        from: ?K = null,
        /// From this key on, without it.
        after: ?K = null,
        /// Up to this key, with it.
        to: ?K = null,
        /// Up to this key, without it.
        before: ?K = null,
        limit: usize = std.math.maxInt(usize),

        const Self = @This();

        pub fn has(self: Self, key: K) bool {
            if (self.from) |end| if (order(K, key, end) == .lt) return false;
            if (self.after) |end| if (order(K, key, end) != .gt) return false;
            if (self.to) |end| if (order(K, key, end) == .gt) return false;
            if (self.before) |end| if (order(K, key, end) != .lt) return false;
            return true;
        }

        fn isEmpty(self: Self) bool {
            const lower = self.after orelse self.from orelse return false;
            const upper = self.before orelse self.to orelse return false;
            const at = order(K, lower, upper);
            return at == .gt or (at == .eq and (self.after != null or self.before != null));
        }
    };
}

/// The entries of a range; `changed` has those that the call has changed, in order.
pub fn merged(comptime Map: type, map: *Map, range: Range(Map.Key), changed: anytype) anyerror![]const Map.Entry {
    var found: std.ArrayList(Map.Entry) = .empty;
    var pages: Pages(Map) = .{
        .map = map,
        .lower = try boundAt(Map, map, range.after, range.from),
        .upper = try boundAt(Map, map, range.before, range.to),
    };
    if (range.isEmpty()) return found.items;
    var own = changed;
    while (found.items.len < range.limit) {
        const of_host = try pages.peek(range.limit - found.items.len);
        const at: std.math.Order = if (of_host == null and own.len == 0) break //
            else if (of_host == null) .gt //
            else if (own.len == 0) .lt //
            else order(Map.Key, of_host.?.key, own[0].key);
        if (at == .lt) {
            if (range.has(of_host.?.key)) try found.append(map.arena, of_host.?);
        } else {
            if (own[0].value) |value| try found.append(map.arena, .{ .key = own[0].key, .value = value });
            own = own[1..];
        }
        // What the host has of a changed entry no longer counts.
        if (at != .gt) pages.take();
    }
    return found.items;
}

fn boundAt(comptime Map: type, map: *Map, excluded: ?Map.Key, included: ?Map.Key) error{ Refused, OutOfMemory }!maps.Bound {
    const key = excluded orelse included orelse return .{ .tag = .unbounded };
    try checked(Map.Key, &key, "a bound of a scan");
    const nodes = try builder.columnsOf(Map.Key, map.arena, &[_]Map.Key{key});
    return .{ .tag = if (excluded != null) .excluded else .included, .payload = .{ .included = .of(nodes) } };
}

/// What the host has, one entry after the other.
fn Pages(comptime Map: type) type {
    return struct {
        map: *Map,
        lower: maps.Bound,
        upper: maps.Bound,
        page: []const Map.Entry = &.{},
        is_over: bool = false,

        const Self = @This();

        fn peek(self: *Self, limit: usize) anyerror!?Map.Entry {
            while (self.page.len == 0) {
                if (self.is_over) return null;
                const arena = self.map.arena;
                const most: u32 = @intCast(@min(limit, std.math.maxInt(u32)));
                const answer = host.scan(self.map.index, self.map.key, self.lower, self.upper, most);
                if (answer.is_error) return refuse("{s}", .{answer.payload.message.slice()});
                const given = answer.payload.ok;
                const keys = try reads.Reader(Map.Key).own.open(.{ .rows = given.entries, .nodes = given.entry_keys.slice() }, arena);
                const values = try reads.Reader(Map.Value).own.open(.{ .rows = given.entries, .nodes = given.values.slice() }, arena);
                const page = try arena.alloc(Map.Entry, given.entries);
                for (page, 0..) |*entry, at| entry.* = .{ .key = keys.get(at), .value = values.get(at) };
                self.page = page;
                self.is_over = !given.more or page.len == 0;
                if (!self.is_over) self.lower = try boundAt(Map, self.map, page[page.len - 1].key, null);
            }
            return self.page[0];
        }

        fn take(self: *Self) void {
            self.page = self.page[1..];
        }
    };
}
