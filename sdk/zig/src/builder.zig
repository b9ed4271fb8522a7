//! Columns that are being made. A builder has room for some values; how many are there is known to its owner.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const value = @import("value.zig");
const Buffer = bindings.types.Buffer;
const Node = bindings.types.Node;

/// A column of values of type `T`.
pub fn Builder(comptime T: type) type {
    const Item = value.NonNull(T);
    const optional = value.isOptional(T);
    return struct {
        validity: if (optional) []u8 else void = if (optional) &.{} else {},
        values: Values(Item) = .{},

        const Self = @This();

        /// Makes room for so many values; the first `len` are there.
        pub fn reserve(self: *Self, arena: Allocator, len: usize, capacity: usize) error{OutOfMemory}!void {
            if (optional) self.validity = try grown(u8, arena, self.validity, (len + 7) / 8, (capacity + 7) / 8);
            try self.values.reserve(arena, len, capacity);
        }

        /// Sets a value behind those that are there.
        pub inline fn set(self: *Self, arena: Allocator, at: usize, given: T) error{OutOfMemory}!void {
            if (!optional) return self.values.set(arena, at, given);
            setBit(self.validity, at, given != null);
            if (given) |item| try self.values.set(arena, at, item) else try self.values.setNull(arena, at);
        }

        pub fn setNull(self: *Self, arena: Allocator, at: usize) error{OutOfMemory}!void {
            if (optional) setBit(self.validity, at, false);
            try self.values.setNull(arena, at);
        }

        /// Forgets all but the first values.
        pub fn truncate(self: *Self, len: usize) void {
            self.values.truncate(len);
        }

        /// The nodes of the column in pre-order, behind those that are there.
        pub fn finish(self: *const Self, arena: Allocator, len: usize, nodes: *std.ArrayList(Node)) error{OutOfMemory}!void {
            const nulls = if (optional) len - countOnes(self.validity, len) else 0;
            const validity: Buffer = if (optional and nulls > 0) .of(self.validity[0 .. (len + 7) / 8]) else .empty;
            try self.values.finish(arena, .{ .len = len, .nulls = nulls, .validity = validity }, nodes);
        }
    };
}

/// What a node has in common for all types.
const Head = struct {
    len: usize,
    nulls: usize,
    validity: Buffer,

    fn append(self: Head, arena: Allocator, nodes: *std.ArrayList(Node), buffers: []const Buffer) error{OutOfMemory}!void {
        const all = try arena.alloc(Buffer, 1 + buffers.len);
        all[0] = self.validity;
        @memcpy(all[1..], buffers);
        try nodes.append(arena, .{ .length = @intCast(self.len), .null_count = @intCast(self.nulls), .buffers = .of(all) });
    }
};

fn Values(comptime Item: type) type {
    return switch (value.kindOf(Item)) {
        .fixed, .instant, .number, .event_time, .row_kind => Fixed(Item),
        .boolean => Booleans,
        .text, .binary => Texts(Item),
        .list => Lists(Item),
        .row => Structs(Item),
    };
}

fn Fixed(comptime Item: type) type {
    return struct {
        items: []Item = &.{},

        const Self = @This();

        pub fn reserve(self: *Self, arena: Allocator, len: usize, capacity: usize) error{OutOfMemory}!void {
            self.items = try grown(Item, arena, self.items, len, capacity);
        }

        pub inline fn set(self: *Self, _: Allocator, at: usize, item: Item) error{OutOfMemory}!void {
            self.items[at] = item;
        }

        pub fn setNull(self: *Self, _: Allocator, at: usize) error{OutOfMemory}!void {
            self.items[at] = std.mem.zeroes(Item);
        }

        pub fn truncate(_: *Self, _: usize) void {}

        pub fn finish(self: Self, arena: Allocator, head: Head, nodes: *std.ArrayList(Node)) error{OutOfMemory}!void {
            try head.append(arena, nodes, &.{.of(std.mem.sliceAsBytes(self.items[0..head.len]))});
        }
    };
}

/// A bit per value.
const Booleans = struct {
    bits: []u8 = &.{},

    pub fn reserve(self: *Booleans, arena: Allocator, len: usize, capacity: usize) error{OutOfMemory}!void {
        self.bits = try grown(u8, arena, self.bits, (len + 7) / 8, (capacity + 7) / 8);
    }

    pub inline fn set(self: *Booleans, _: Allocator, at: usize, given: bool) error{OutOfMemory}!void {
        setBit(self.bits, at, given);
    }

    pub fn setNull(self: *Booleans, _: Allocator, at: usize) error{OutOfMemory}!void {
        setBit(self.bits, at, false);
    }

    pub fn truncate(_: *Booleans, _: usize) void {}

    pub fn finish(self: Booleans, arena: Allocator, head: Head, nodes: *std.ArrayList(Node)) error{OutOfMemory}!void {
        try head.append(arena, nodes, &.{.of(self.bits[0 .. (head.len + 7) / 8])});
    }
};

/// Where the values of a column of texts or lists end.
const Offsets = struct {
    ends: []u32 = &.{},

    fn reserve(self: *Offsets, arena: Allocator, len: usize, capacity: usize) error{OutOfMemory}!void {
        const is_new = self.ends.len == 0;
        self.ends = try grown(u32, arena, self.ends, if (is_new) 0 else len + 1, capacity + 1);
        self.ends[0] = 0;
    }

    /// Offsets are int32: what goes beyond is too much for one call.
    inline fn set(self: *Offsets, at: usize, end: usize) error{OutOfMemory}!void {
        self.ends[1..][at] = @intCast(std.math.cast(i32, end) orelse return error.OutOfMemory);
    }

    fn endOf(self: Offsets, len: usize) usize {
        return if (self.ends.len == 0) 0 else self.ends[len];
    }

    fn buffer(self: Offsets, len: usize) Buffer {
        return .of(if (self.ends.len == 0) &.{ 0, 0, 0, 0 } else std.mem.sliceAsBytes(self.ends[0 .. len + 1]));
    }
};

fn Texts(comptime Item: type) type {
    return struct {
        offsets: Offsets = .{},
        bytes: std.ArrayList(u8) = .empty,

        const Self = @This();

        pub fn reserve(self: *Self, arena: Allocator, len: usize, capacity: usize) error{OutOfMemory}!void {
            try self.offsets.reserve(arena, len, capacity);
        }

        pub inline fn set(self: *Self, arena: Allocator, at: usize, given: Item) error{OutOfMemory}!void {
            try self.bytes.appendSlice(arena, if (Item == []const u8) given else given.bytes);
            try self.offsets.set(at, self.bytes.items.len);
        }

        pub fn setNull(self: *Self, _: Allocator, at: usize) error{OutOfMemory}!void {
            try self.offsets.set(at, self.bytes.items.len);
        }

        pub fn truncate(self: *Self, len: usize) void {
            self.bytes.shrinkRetainingCapacity(self.offsets.endOf(len));
        }

        pub fn finish(self: Self, arena: Allocator, head: Head, nodes: *std.ArrayList(Node)) error{OutOfMemory}!void {
            try head.append(arena, nodes, &.{ self.offsets.buffer(head.len), .of(self.bytes.items) });
        }
    };
}

fn Lists(comptime Item: type) type {
    return struct {
        offsets: Offsets = .{},
        items: Builder(@typeInfo(Item).pointer.child) = .{},
        len: usize = 0,
        capacity: usize = 0,

        const Self = @This();

        pub fn reserve(self: *Self, arena: Allocator, len: usize, capacity: usize) error{OutOfMemory}!void {
            try self.offsets.reserve(arena, len, capacity);
        }

        pub fn set(self: *Self, arena: Allocator, at: usize, given: Item) error{OutOfMemory}!void {
            const end = self.len + given.len;
            if (end > self.capacity) {
                const capacity = @max(end, 2 * self.capacity, 16);
                try self.items.reserve(arena, self.len, capacity);
                self.capacity = capacity;
            }
            for (given, self.len..) |item, item_at| try self.items.set(arena, item_at, item);
            self.len = end;
            try self.offsets.set(at, end);
        }

        pub fn setNull(self: *Self, _: Allocator, at: usize) error{OutOfMemory}!void {
            try self.offsets.set(at, self.len);
        }

        pub fn truncate(self: *Self, len: usize) void {
            self.len = self.offsets.endOf(len);
            self.items.truncate(self.len);
        }

        pub fn finish(self: Self, arena: Allocator, head: Head, nodes: *std.ArrayList(Node)) error{OutOfMemory}!void {
            try head.append(arena, nodes, &.{self.offsets.buffer(head.len)});
            try self.items.finish(arena, self.len, nodes);
        }
    };
}

fn Structs(comptime Row: type) type {
    return struct {
        columns: Builders(Row) = .{},

        const Self = @This();

        pub fn reserve(self: *Self, arena: Allocator, len: usize, capacity: usize) error{OutOfMemory}!void {
            inline for (comptime std.meta.fieldNames(Row)) |name| try @field(self.columns, name).reserve(arena, len, capacity);
        }

        pub fn set(self: *Self, arena: Allocator, at: usize, row: Row) error{OutOfMemory}!void {
            inline for (comptime std.meta.fieldNames(Row)) |name| try @field(self.columns, name).set(arena, at, @field(row, name));
        }

        pub fn setNull(self: *Self, arena: Allocator, at: usize) error{OutOfMemory}!void {
            inline for (comptime std.meta.fieldNames(Row)) |name| try @field(self.columns, name).setNull(arena, at);
        }

        pub fn truncate(self: *Self, len: usize) void {
            inline for (comptime std.meta.fieldNames(Row)) |name| @field(self.columns, name).truncate(len);
        }

        pub fn finish(self: Self, arena: Allocator, head: Head, nodes: *std.ArrayList(Node)) error{OutOfMemory}!void {
            try head.append(arena, nodes, &.{});
            inline for (comptime std.meta.fieldNames(Row)) |name| try @field(self.columns, name).finish(arena, head.len, nodes);
        }
    };
}

/// A struct with a builder for each field of a row.
pub fn Builders(comptime Row: type) type {
    @setEvalBranchQuota(value.quota);
    const names = std.meta.fieldNames(Row);
    comptime var types: [names.len]type = undefined;
    comptime var attributes: [names.len]std.builtin.Type.Struct.FieldAttributes = undefined;
    for (names, &types, &attributes) |name, *of, *attribute| {
        of.* = Builder(@FieldType(Row, name));
        attribute.* = .{ .default_value_ptr = &of.*{} };
    }
    return @Struct(.auto, null, names, &types, &attributes);
}

/// Rows as columns; null: what stands where there is no row.
pub fn columnsOf(comptime Row: type, arena: Allocator, all: anytype) error{OutOfMemory}![]const Node {
    var columns: Builders(Row) = .{};
    inline for (comptime value.columnNames(Row)) |name| {
        const builder = &@field(columns, name);
        try builder.reserve(arena, 0, all.len);
        for (all, 0..) |maybe_row, at| {
            const given: ?Row = maybe_row;
            if (given) |row| try builder.set(arena, at, @field(row, name)) else try builder.setNull(arena, at);
        }
    }
    return nodesOf(Row, arena, &columns, all.len);
}

/// The nodes of the columns of so many rows.
pub fn nodesOf(comptime Row: type, arena: Allocator, columns: *const Builders(Row), len: usize) error{OutOfMemory}![]const Node {
    var nodes: std.ArrayList(Node) = .empty;
    inline for (comptime value.columnNames(Row)) |name| try @field(columns, name).finish(arena, len, &nodes);
    return nodes.items;
}

fn grown(comptime T: type, arena: Allocator, items: []T, len: usize, capacity: usize) error{OutOfMemory}![]T {
    const larger = try arena.alloc(T, capacity);
    @memcpy(larger[0..len], items[0..len]);
    return larger;
}

inline fn setBit(bits: []u8, at: usize, is_set: bool) void {
    const shift: u3 = @intCast(at & 7);
    const byte = &bits[at >> 3];
    byte.* = (if (shift == 0) 0 else byte.* & ~(@as(u8, 1) << shift)) | @as(u8, @intFromBool(is_set)) << shift;
}

fn countOnes(bits: []const u8, len: usize) usize {
    var count: usize = 0;
    for (bits[0 .. len / 8]) |byte| count += @popCount(byte);
    if (len % 8 != 0) count += @popCount(bits[len / 8] & (@as(u8, 1) << @intCast(len % 8)) - 1);
    return count;
}
