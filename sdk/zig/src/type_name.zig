//! Types of columns as a person writes them, for messages.

const std = @import("std");
const bindings = @import("operator_bindings");
const value = @import("value.zig");
const Field = bindings.types.Field;
const Writer = std.Io.Writer;

/// Prints the type of a column (nodes in pre-order).
pub const TypeName = struct {
    fields: []const Field,

    pub fn format(self: TypeName, writer: *Writer) Writer.Error!void {
        const own = self.fields[0].format.slice();
        const simple = std.StaticStringMap([]const u8).initComptime(.{
            .{ "b", "bool" },  .{ "c", "int8" },   .{ "C", "uint8" },  .{ "s", "int16" },   .{ "S", "uint16" },
            .{ "i", "int32" }, .{ "I", "uint32" }, .{ "l", "int64" },  .{ "L", "uint64" },  .{ "f", "float32" },
            .{ "n", "null" },  .{ "u", "utf8" },   .{ "z", "binary" }, .{ "g", "float64" }, .{ "tdD", "date32" },
        });
        if (simple.get(own)) |name| return writer.writeAll(name);
        if (std.mem.eql(u8, own, "+l")) return writer.print("list<{f}>", .{TypeName{ .fields = self.fields[1..] }});
        if (std.mem.eql(u8, own, "+s")) {
            try writer.writeAll("struct<");
            try list(self.fields[1..], self.fields[0].children, writer);
            return writer.writeAll(">");
        }
        if (std.mem.cutPrefix(u8, own, "d:")) |parameters| {
            const precision, const scale = std.mem.cut(u8, parameters, ",") orelse .{ parameters, "0" };
            return writer.print("decimal128({s}, {s})", .{ precision, scale });
        }
        if (own.len >= 4 and std.mem.startsWith(u8, own, "ts")) {
            const unit = own[2..3];
            try writer.print("timestamp({s}{s}", .{ unit, if (unit[0] == 's') "" else "s" });
            return if (own.len == 4) writer.writeAll(")") else writer.print(", {s})", .{own[4..]});
        }
        return writer.print("\"{s}\"", .{own});
    }
};

/// Prints the columns of an input with their types.
pub const Listing = struct {
    columns: []const Field,

    pub fn format(self: Listing, writer: *Writer) Writer.Error!void {
        if (self.columns.len == 0) return writer.writeAll("no columns");
        try list(self.columns, std.math.maxInt(usize), writer);
    }
};

/// Which columns can be read as a type.
pub fn needs(comptime T: type) Needs {
    return switch (comptime value.kindOf(value.NonNull(T))) {
        .number => .{ .text = "any integer or float" },
        .instant => .{ .text = "a timestamp of " ++ @tagName(value.NonNull(T).weir_unit) ++ " or coarser" },
        else => .{ .type = .{ .fields = comptime value.fieldsOf(T, "") } },
    };
}

pub const Needs = union(enum) {
    text: []const u8,
    type: TypeName,

    pub fn format(self: Needs, writer: *Writer) Writer.Error!void {
        switch (self) {
            .text => |text| try writer.writeAll(text),
            .type => |name| try name.format(writer),
        }
    }
};

/// The first of several columns that follow one another ends here.
pub fn subtreeLen(fields: []const Field) usize {
    var end: usize = 1;
    for (0..fields[0].children) |_| end += subtreeLen(fields[end..]);
    return end;
}

fn list(fields: []const Field, count: usize, writer: *Writer) Writer.Error!void {
    var rest = fields;
    var index: usize = 0;
    while (rest.len > 0 and index < count) : (index += 1) {
        if (index > 0) try writer.writeAll(", ");
        try writer.print("{s}: {f}", .{ rest[0].name.slice(), TypeName{ .fields = rest } });
        rest = rest[subtreeLen(rest)..];
    }
}
