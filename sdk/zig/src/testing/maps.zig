//! The maps of an operator under test, and what its reads find in them during a call.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const builder = @import("../builder.zig");
const column = @import("../column.zig");
const host = @import("../map_host.zig");
const maps = @import("../maps.zig");
const order = @import("../order.zig");
const reads = @import("../reads.zig");
const rows = @import("../rows.zig");
const views = @import("../view.zig");
const wire = bindings.types;
const Found = bindings.Result(bindings.maps.Found);
const Page = bindings.Result(bindings.maps.Page);

/// Entries of a scan at most: few, so that an operator under test has to ask again.
const page_max = 3;

/// The entries of all maps of an operator.
pub fn Maps(comptime Op: type) type {
    const Declared = maps.MapsOf(Op);
    const names = std.meta.fieldNames(Declared);
    const Tables = Tables: {
        var types: [names.len]type = undefined;
        for (names, &types) |name, *T| T.* = MapTable(@FieldType(Declared, name));
        break :Tables @Tuple(&types);
    };
    return struct {
        arena: Allocator,
        tables: Tables,
        /// The keys of the call.
        keys: []const usize = &.{},

        const Self = @This();

        pub fn init(arena: Allocator) Self {
            var self: Self = .{ .arena = arena, .tables = undefined };
            inline for (&self.tables) |*table| table.* = .{};
            return self;
        }

        /// The maps can be read from now on, in a call with these keys.
        pub fn begin(self: *Self, keys: []const usize) void {
            self.keys = keys;
            host.stand_in = .{ .context = self, .getFn = get, .scanFn = scan };
        }

        /// Takes the changes of the call.
        pub fn commit(self: *Self, changes: []const bindings.keyed.MapChanges) anyerror!void {
            for (changes) |change| {
                inline for (&self.tables, 0..) |*table, index| {
                    if (change.map_index == index) try table.commit(self.arena, change, self.keys);
                }
            }
        }

        fn get(context: *anyopaque, map_index: u32, keys: wire.Buffer, entry_keys: bindings.List(wire.Node)) Found {
            const self: *Self = @ptrCast(@alignCast(context));
            inline for (&self.tables, 0..) |*table, index| {
                if (map_index == index) {
                    return if (table.get(self.arena, self.keys, keys, entry_keys)) |found| .ok(found) else |err| .err(@errorName(err));
                }
            }
            return .err("there is no such map");
        }

        fn scan(context: *anyopaque, map_index: u32, key: u32, lower: bindings.maps.Bound, upper: bindings.maps.Bound, limit: u32) Page {
            const self: *Self = @ptrCast(@alignCast(context));
            inline for (&self.tables, 0..) |*table, index| {
                if (map_index == index) {
                    return if (table.scan(self.arena, self.keys[key], lower, upper, limit)) |page| .ok(page) else |err| .err(@errorName(err));
                }
            }
            return .err("there is no such map");
        }
    };
}

/// The entries of one map, in order.
fn MapTable(comptime Map: type) type {
    return struct {
        entries: std.ArrayList(Entry) = .empty,

        const Self = @This();
        const Entry = struct { key: usize, key_of_entry: Map.Key, value: Map.Value };

        fn find(self: *const Self, key: usize, entry_key: Map.Key) struct { usize, bool } {
            for (self.entries.items, 0..) |other, at| {
                const found = if (other.key == key) order.order(Map.Key, other.key_of_entry, entry_key) else std.math.order(other.key, key);
                if (found != .lt) return .{ at, found == .eq };
            }
            return .{ self.entries.items.len, false };
        }

        pub fn entry(self: *const Self, key: usize, entry_key: Map.Key) ?Map.Value {
            const at, const is_there = self.find(key, entry_key);
            return if (is_there) self.entries.items[at].value else null;
        }

        fn commit(self: *Self, arena: Allocator, change: bindings.keyed.MapChanges, keys: []const usize) anyerror!void {
            const indices = views.numbers(u32, change.keys.slice());
            const entries = try read(Map.Key, arena, @intCast(indices.len), change.entry_keys);
            const values = try read(Map.Value, arena, @intCast(indices.len), change.values);
            for (indices, 0..) |index, row| {
                const at, const is_there = self.find(keys[index], entries.get(row));
                if (change.present.len > 0 and !views.bit(change.present.ptr, row)) {
                    if (is_there) _ = self.entries.orderedRemove(at);
                    continue;
                }
                const new: Entry = .{
                    .key = keys[index],
                    .key_of_entry = try order.copy(Map.Key, arena, entries.get(row)),
                    .value = try order.copy(Map.Value, arena, values.get(row)),
                };
                if (is_there) self.entries.items[at] = new else try self.entries.insert(arena, at, new);
            }
        }

        fn get(
            self: *Self,
            arena: Allocator,
            of_call: []const usize,
            keys: wire.Buffer,
            entry_keys: bindings.List(wire.Node),
        ) anyerror!bindings.maps.Found {
            const indices = views.numbers(u32, keys.slice());
            const entries = try read(Map.Key, arena, @intCast(indices.len), entry_keys);
            const values = try arena.alloc(?Map.Value, indices.len);
            const present = try arena.alloc(u8, (indices.len + 7) / 8);
            @memset(present, 0);
            for (indices, values, 0..) |index, *value, row| {
                const at, const is_there = self.find(of_call[index], entries.get(row));
                value.* = if (is_there) self.entries.items[at].value else null;
                present[row / 8] |= @as(u8, @intFromBool(is_there)) << @intCast(row % 8);
            }
            return .{ .present = .of(present), .values = .of(try builder.columnsOf(Map.Value, arena, values)) };
        }

        fn scan(
            self: *Self,
            arena: Allocator,
            key: usize,
            lower: bindings.maps.Bound,
            upper: bindings.maps.Bound,
            limit: u32,
        ) anyerror!bindings.maps.Page {
            var keys: std.ArrayList(Map.Key) = .empty;
            var values: std.ArrayList(Map.Value) = .empty;
            var more = false;
            for (self.entries.items) |known| {
                if (known.key != key) continue;
                if (lower.tag != .unbounded) {
                    const at = order.order(Map.Key, known.key_of_entry, try bound(arena, lower));
                    if (at == .lt or (at == .eq and lower.tag == .excluded)) continue;
                }
                if (upper.tag != .unbounded) {
                    const at = order.order(Map.Key, known.key_of_entry, try bound(arena, upper));
                    if (at == .gt or (at == .eq and upper.tag == .excluded)) continue;
                }
                more = keys.items.len == @min(limit, page_max);
                if (more) break;
                try keys.append(arena, known.key_of_entry);
                try values.append(arena, known.value);
            }
            return .{
                .entries = @intCast(keys.items.len),
                .entry_keys = .of(try builder.columnsOf(Map.Key, arena, keys.items)),
                .values = .of(try builder.columnsOf(Map.Value, arena, values.items)),
                .more = more,
            };
        }

        fn bound(arena: Allocator, of: bindings.maps.Bound) anyerror!Map.Key {
            return (try read(Map.Key, arena, 1, of.payload.included)).get(0);
        }
    };
}

fn read(comptime Row: type, arena: Allocator, len: u32, nodes: bindings.List(wire.Node)) anyerror!rows.Columns(Row) {
    return reads.Reader(Row).own.open(.{ .rows = len, .nodes = nodes.slice() }, arena);
}
