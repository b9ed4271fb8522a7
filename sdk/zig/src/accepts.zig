//! Which columns can be read as which types.

const std = @import("std");
const bindings = @import("operator_bindings");
const subtreeLen = @import("type_name.zig").subtreeLen;
const types = @import("types.zig");
const value = @import("value.zig");
const Field = bindings.types.Field;

/// Whether a column with this schema (nodes in pre-order, its own first) can be read as `T`.
pub fn accepts(comptime T: type, column: []const Field) bool {
    const Item = value.NonNull(T);
    const format = column[0].format.slice();
    switch (comptime value.kindOf(Item)) {
        .instant => {
            const unit = unitOf(format) orelse return false;
            return @backingInt(unit) <= @backingInt(Item.weir_unit);
        },
        .number => return format.len == 1 and std.mem.indexOfScalar(u8, "cCsSiIlLfg", format[0]) != null,
        .list => return std.mem.eql(u8, format, "+l") and accepts(@typeInfo(Item).pointer.child, column[1..]),
        .row => {
            if (!std.mem.eql(u8, format, "+s")) return false;
            inline for (comptime value.columnNames(Item)) |name| {
                const Child = @FieldType(Item, name);
                const found = find(column[1..], column[0].children, name);
                if (if (found) |child| !accepts(Child, child) else !value.isOptional(Child)) return false;
            }
            return true;
        },
        else => {
            const own = comptime value.format(Item);
            return std.mem.eql(u8, format, own) or std.mem.eql(u8, format, own ++ ",128");
        },
    }
}

/// The unit of a timestamp's format; null for any other type.
pub fn unitOf(format: []const u8) ?types.Unit {
    if (format.len < 4 or !std.mem.startsWith(u8, format, "ts") or format[3] != ':') return null;
    return switch (format[2]) {
        's' => .seconds,
        'm' => .milliseconds,
        'u' => .microseconds,
        'n' => .nanoseconds,
        else => null,
    };
}

/// One of several columns that follow one another, by its name.
fn find(fields: []const Field, count: usize, name: []const u8) ?[]const Field {
    var rest = fields;
    for (0..count) |_| {
        if (std.mem.eql(u8, rest[0].name.slice(), name)) return rest;
        rest = rest[subtreeLen(rest)..];
    }
    return null;
}
