//! Views of the columns of a batch. Nothing is copied but the items of lists, which are decoded when they are read.

const std = @import("std");
const Allocator = std.mem.Allocator;
const value = @import("value.zig");
const accepts = @import("accepts.zig");
const views = @import("view.zig");
const Number = @import("types.zig").Number;
const View = views.View;

/// A column of values of type `T`. `values` is a slice where a value is a number: `prices.values[row]`; where the column is null it
/// has any number.
pub fn Column(comptime T: type) type {
    const Item = value.NonNull(T);
    const optional = value.isOptional(T);
    return struct {
        nulls: views.Nulls = .{},
        values: Values(Item),

        const Self = @This();

        /// The value of a row, which must not be a misfit.
        pub inline fn get(self: *const Self, row: usize) T {
            if (optional and self.nulls.isNull(row)) return null;
            return if (comptime isSlice(Item)) self.values[row] else self.values.get(row);
        }

        pub fn isNull(self: *const Self, row: usize) bool {
            return self.nulls.isNull(row);
        }

        /// Whether some row may hold what `T` has no place for.
        pub fn mayMisfit(self: *const Self) bool {
            if (!optional and self.nulls.any()) return true;
            return if (comptime isSlice(Item)) false else self.values.mayMisfit();
        }

        /// What is wrong with the value of a row, if `T` has no place for it; to stand behind the column's name.
        pub fn misfit(self: *const Self, row: usize) ?[]const u8 {
            if (self.nulls.isNull(row)) return if (optional) null else "is null, and the operator has no place for that (?T)";
            return if (comptime isSlice(Item)) null else self.values.misfit(row);
        }
    };
}

/// Views a column of so many rows. Lists are decoded into the arena.
pub fn open(comptime T: type, view: View, arena: Allocator) error{BadColumn}!Column(T) {
    const Item = value.NonNull(T);
    const len = view.nodes[0].length;
    const bits = try view.buffer(u8, 0, if (view.nodes[0].null_count == 0) 0 else (len + 7) / 8);
    return .{ .nulls = .{ .bits = bits.ptr, .has_any = bits.len > 0 }, .values = try openValues(Item, view, len, arena) };
}

/// A column that is not there: every row is null.
pub fn absent(comptime T: type, len: usize, arena: Allocator) error{OutOfMemory}!Column(T) {
    const bits = try arena.alloc(u8, (len + 7) / 8);
    @memset(bits, 0);
    return .{ .nulls = .{ .bits = bits.ptr, .has_any = true }, .values = undefined };
}

fn isSlice(comptime Item: type) bool {
    return switch (value.kindOf(Item)) {
        .fixed, .event_time, .row_kind => true,
        else => false,
    };
}

fn Values(comptime Item: type) type {
    return switch (value.kindOf(Item)) {
        .fixed, .event_time, .row_kind => []const Item,
        .boolean => Booleans,
        .instant => Instants(Item),
        .number => Numbers,
        .text, .binary => Texts(Item),
        .list => Lists(Item),
        .row => Structs(Item),
    };
}

fn openValues(comptime Item: type, view: View, len: u32, arena: Allocator) error{BadColumn}!Values(Item) {
    switch (comptime value.kindOf(Item)) {
        .fixed => return view.buffer(Item, 1, len),
        .boolean => return .{ .bits = (try view.buffer(u8, 1, (len + 7) / 8)).ptr },
        .instant => return .{
            .raw = try view.buffer(i64, 1, len),
            .factor = @divExact(@backingInt(Item.weir_unit), @backingInt(accepts.unitOf(view.fields[0].format.slice()).?)),
        },
        .number => {
            inline for (comptime std.meta.fieldNames(Numbers)) |name| {
                const T = std.meta.Elem(@FieldType(Numbers, name));
                if (std.mem.eql(u8, view.fields[0].format.slice(), comptime value.format(T)))
                    return @unionInit(Numbers, name, try view.buffer(T, 1, len));
            }
            return error.BadColumn;
        },
        .text, .binary => {
            const offsets = try openOffsets(view, len);
            return .{ .offsets = offsets, .bytes = try view.buffer(u8, 2, last(offsets)) };
        },
        .list => {
            const items: View = .{ .fields = view.fields[1..], .nodes = view.nodes[1..] };
            return .{ .offsets = try openOffsets(view, len), .items = try open(@typeInfo(Item).pointer.child, items, arena), .arena = arena };
        },
        .row => {
            var columns: Fields(Item) = undefined;
            inline for (comptime value.columnNames(Item)) |name| {
                const T = @FieldType(Item, name);
                @field(columns, name) = if (view.child(name)) |child|
                    try open(T, child, arena)
                else if (value.isOptional(T))
                    absent(T, len, arena) catch return error.BadColumn
                else
                    return error.BadColumn;
            }
            return .{ .columns = columns };
        },
        .event_time, .row_kind => comptime unreachable,
    }
}

fn openOffsets(view: View, len: u32) error{BadColumn}![]const u32 {
    return if (len == 0) &.{0} else view.buffer(u32, 1, len + 1);
}

fn last(offsets: []const u32) u32 {
    return offsets[offsets.len - 1];
}

/// A bit per value.
const Booleans = struct {
    bits: [*]const u8,

    pub inline fn get(self: Booleans, row: usize) bool {
        return views.bit(self.bits, row);
    }

    pub fn mayMisfit(_: Booleans) bool {
        return false;
    }

    pub fn misfit(_: Booleans, _: usize) ?[]const u8 {
        return null;
    }
};

fn Texts(comptime Item: type) type {
    return struct {
        offsets: []const u32,
        bytes: []const u8,

        const Self = @This();

        pub inline fn get(self: Self, row: usize) Item {
            const bytes = self.bytes[self.offsets[row]..self.offsets[1..][row]];
            return if (Item == []const u8) bytes else .{ .bytes = bytes };
        }

        pub fn mayMisfit(_: Self) bool {
            return false;
        }

        pub fn misfit(_: Self, _: usize) ?[]const u8 {
            return null;
        }
    };
}

/// Instants of a column whose unit may be coarser than the type's.
fn Instants(comptime Item: type) type {
    return struct {
        raw: []const i64,
        /// From the column's unit to the type's.
        factor: i64,

        const Self = @This();

        pub inline fn get(self: Self, row: usize) Item {
            var item: Item = undefined;
            @field(item, std.meta.fieldNames(Item)[0]) = self.raw[row] *% self.factor;
            return item;
        }

        pub fn mayMisfit(self: Self) bool {
            return self.factor > 1;
        }

        pub fn misfit(self: Self, row: usize) ?[]const u8 {
            _ = std.math.mul(i64, self.raw[row], self.factor) catch return "is out of range in " ++ @tagName(Item.weir_unit);
            return null;
        }
    };
}

/// Numbers of a column of any type.
const Numbers = union(enum) {
    i8: []const i8,
    u8: []const u8,
    i16: []const i16,
    u16: []const u16,
    i32: []const i32,
    u32: []const u32,
    i64: []const i64,
    u64: []const u64,
    f32: []const f32,
    f64: []const f64,

    pub inline fn get(self: Numbers, row: usize) Number {
        switch (self) {
            inline else => |items| return .{ .value = switch (@typeInfo(std.meta.Elem(@TypeOf(items)))) {
                .int => @floatFromInt(items[row]),
                else => items[row],
            } },
        }
    }

    pub fn mayMisfit(_: Numbers) bool {
        return false;
    }

    pub fn misfit(_: Numbers, _: usize) ?[]const u8 {
        return null;
    }
};

fn Lists(comptime Item: type) type {
    const Of = @typeInfo(Item).pointer.child;
    return struct {
        offsets: []const u32,
        items: Column(Of),
        arena: Allocator,

        const Self = @This();

        /// The items; those of a column of numbers are not copied.
        pub fn get(self: *const Self, row: usize) Item {
            const start, const end = .{ self.offsets[row], self.offsets[1..][row] };
            if (comptime !value.isOptional(Of) and isSlice(Of)) return self.items.values[start..end];
            // The call fails as a whole, and the host calls again with fewer rows.
            const items = self.arena.alloc(Of, end - start) catch @panic("there is no memory for the items of a list");
            for (items, start..) |*item, at| item.* = self.items.get(at);
            return items;
        }

        pub fn mayMisfit(self: *const Self) bool {
            return self.items.mayMisfit();
        }

        pub fn misfit(self: *const Self, row: usize) ?[]const u8 {
            for (self.offsets[row]..self.offsets[1..][row]) |at| {
                if (self.items.misfit(at)) |what| return what;
            }
            return null;
        }
    };
}

/// The columns of rows: a column for each field.
pub fn Structs(comptime Row: type) type {
    const names = std.meta.fieldNames(Row);
    return struct {
        columns: Fields(Row),

        const Self = @This();

        pub inline fn get(self: *const Self, at: usize) Row {
            @setEvalBranchQuota(value.quota);
            var row: Row = undefined;
            inline for (names) |name| @field(row, name) = @field(self.columns, name).get(at);
            return row;
        }

        pub fn mayMisfit(self: *const Self) bool {
            inline for (names) |name| {
                if (@field(self.columns, name).mayMisfit()) return true;
            }
            return false;
        }

        pub fn misfit(self: *const Self, at: usize) ?[]const u8 {
            return if (self.misfitColumn(at)) |found| found.what else null;
        }

        /// The column in which a row holds what `Row` has no place for, and what is wrong with it.
        pub fn misfitColumn(self: *const Self, at: usize) ?struct { name: []const u8, what: []const u8 } {
            inline for (names) |name| {
                if (@field(self.columns, name).misfit(at)) |what| return .{ .name = name, .what = what };
            }
            return null;
        }
    };
}

/// A struct with the fields of a row, each as its column.
pub fn Fields(comptime Row: type) type {
    @setEvalBranchQuota(value.quota);
    const names = std.meta.fieldNames(Row);
    comptime var types: [names.len]type = undefined;
    for (names, &types) |name, *of| of.* = Column(@FieldType(Row, name));
    return @Struct(.auto, null, names, &types, &@splat(.{}));
}
