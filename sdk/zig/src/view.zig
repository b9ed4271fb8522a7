//! Columns as they come: schema and nodes, and their buffers as numbers and bits.

const std = @import("std");
const bindings = @import("operator_bindings");
const subtreeLen = @import("type_name.zig").subtreeLen;
const Field = bindings.types.Field;
const Node = bindings.types.Node;

/// A column as it comes: its schema and its nodes, in pre-order, its own first.
pub const View = struct {
    fields: []const Field,
    nodes: []const Node,

    /// The column that comes after so many columns that follow one another.
    pub fn after(self: View, columns: usize) View {
        var at: usize = 0;
        for (0..columns) |_| at += subtreeLen(self.fields[at..]);
        return .{ .fields = self.fields[at..], .nodes = self.nodes[@min(at, self.nodes.len)..] };
    }

    /// The child of this name.
    pub fn child(self: View, name: []const u8) ?View {
        const children: View = .{ .fields = self.fields[1..], .nodes = self.nodes[1..] };
        for (0..self.fields[0].children) |index| {
            const found = children.after(index);
            if (std.mem.eql(u8, found.fields[0].name.slice(), name)) return found;
        }
        return null;
    }

    /// The first numbers of a buffer; fewer are an error.
    pub fn buffer(self: View, comptime T: type, index: usize, count: usize) error{BadColumn}![]const T {
        const buffers = self.nodes[0].buffers.slice();
        if (count == 0) return &.{};
        if (index >= buffers.len or buffers[index].len < count * @sizeOf(T)) return error.BadColumn;
        return numbers(T, buffers[index].slice())[0..count];
    }
};

/// A buffer as numbers. An empty one may have any pointer.
pub fn numbers(comptime T: type, buffer: []const u8) []const T {
    if (buffer.len == 0) return &.{};
    const pointer: [*]const T = @ptrCast(@alignCast(buffer.ptr));
    return pointer[0 .. buffer.len / @sizeOf(T)];
}

pub inline fn bit(bits: [*]const u8, index: usize) bool {
    return bits[index >> 3] & @as(u8, 1) << @intCast(index & 7) != 0;
}

/// Where a column is null.
pub const Nulls = struct {
    bits: [*]const u8 = undefined,
    has_any: bool = false,

    pub fn any(self: Nulls) bool {
        return self.has_any;
    }

    pub inline fn isNull(self: Nulls, row: usize) bool {
        return self.has_any and !bit(self.bits, row);
    }
};
