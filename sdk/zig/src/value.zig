//! What a field of a row can be, and the schema that follows from it; all at compile time.
//!
//! | Zig | column |
//! |---|---|
//! | `bool`, `i8` to `i64`, `u8` to `u64`, `f32`, `f64` | bool, int8 to uint64, float32, float64 |
//! | `[]const u8`, `weir.Binary` | utf8, binary |
//! | `weir.Date`, `weir.Timestamp` and its siblings, `weir.Decimal(p, s)` | date32, timestamp, decimal128 |
//! | `weir.Number` | read from any integer or float, written as float64 |
//! | `[]const T`, a struct | list, struct |
//! | `?T` | the same, with nulls |

const std = @import("std");
const wire = @import("operator_bindings").types;
const String = @import("operator_bindings").String;

/// How a type is read and written.
pub const Kind = enum {
    boolean,
    /// Its memory is that of the column.
    fixed,
    /// As `fixed`, but read from coarser units too.
    instant,
    number,
    text,
    binary,
    list,
    row,
    event_time,
    row_kind,
};

/// What the compiler may spend on a row of some hundred columns.
pub const quota = 1_000_000;

/// The type without `?`.
pub fn NonNull(comptime T: type) type {
    return if (isOptional(T)) @typeInfo(T).optional.child else T;
}

pub fn isOptional(comptime T: type) bool {
    return @typeInfo(T) == .optional;
}

/// How a type without `?` is read and written.
pub fn kindOf(comptime T: type) Kind {
    return maybeKind(T) orelse @compileError(@typeName(T) ++ " is no type of a column");
}

fn maybeKind(comptime T: type) ?Kind {
    return switch (T) {
        bool => .boolean,
        i8, i16, i32, i64, u8, u16, u32, u64, f32, f64 => .fixed,
        []const u8 => .text,
        else => switch (@typeInfo(T)) {
            .pointer => |pointer| if (pointer.size == .slice and pointer.attrs.@"const") .list else null,
            .@"struct" => |info| if (@hasDecl(T, "weir_kind")) T.weir_kind else if (info.is_tuple) null else .row,
            .@"enum" => if (@hasDecl(T, "weir_kind")) T.weir_kind else null,
            else => null,
        },
    };
}

/// A compile error that names the field, if a struct cannot be a row of columns.
pub fn checkRow(comptime Row: type) void {
    comptime {
        @setEvalBranchQuota(quota);
        if (@typeInfo(Row) != .@"struct") @compileError(@typeName(Row) ++ " is no row: a row is a struct with a field for each column");
        for (std.meta.fieldNames(Row)) |name| checkField(@FieldType(Row, name), @typeName(Row) ++ "." ++ name, true);
    }
}

fn checkField(comptime T: type, comptime place: []const u8, comptime is_root: bool) void {
    const Item = NonNull(T);
    const kind = maybeKind(Item) orelse @compileError(place ++ ": `" ++ @typeName(Item) ++ "` is no type of a column; there are " ++
        "bool, i8 to i64, u8 to u64, f32, f64, []const u8 (text), weir.Binary, weir.Date, weir.Timestamp, weir.Decimal(p, s), " ++
        "weir.Number, []const T (list), structs, and ? before any of them");
    switch (kind) {
        .list => checkField(@typeInfo(Item).pointer.child, place ++ "[]", false),
        .row => for (std.meta.fieldNames(Item)) |name| checkField(@FieldType(Item, name), place ++ "." ++ name, false),
        .event_time, .row_kind => if (!is_root or isOptional(T)) {
            const what = if (kind == .event_time) "event time" else "kind";
            @compileError(place ++ ": the " ++ what ++ " of a row is a field of the row itself, without ?");
        },
        else => {},
    }
}

/// Whether a field is a column, and not the event time or the kind of its row.
pub fn isColumn(comptime T: type) bool {
    return isOptional(T) or switch (kindOf(T)) {
        .event_time, .row_kind => false,
        else => true,
    };
}

/// The names of the fields of a row that are columns.
pub fn columnNames(comptime Row: type) []const [:0]const u8 {
    comptime {
        @setEvalBranchQuota(quota);
        checkRow(Row);
        var names: []const [:0]const u8 = &.{};
        for (std.meta.fieldNames(Row)) |name| {
            if (isColumn(@FieldType(Row, name))) names = names ++ .{name};
        }
        return names;
    }
}

/// The name of the field that is the event time or the kind of a row.
pub fn fieldOfKind(comptime Row: type, comptime kind: Kind) ?[:0]const u8 {
    comptime {
        @setEvalBranchQuota(quota);
        for (std.meta.fieldNames(Row)) |name| {
            if (!isOptional(@FieldType(Row, name)) and kindOf(@FieldType(Row, name)) == kind) return name;
        }
        return null;
    }
}

/// The schema of a column, nodes in pre-order.
pub fn fieldsOf(comptime T: type, comptime name: []const u8) []const wire.Field {
    comptime {
        @setEvalBranchQuota(quota);
        const Item = NonNull(T);
        const children: []const wire.Field = switch (kindOf(Item)) {
            .list => fieldsOf(@typeInfo(Item).pointer.child, "item"),
            .row => schemaOf(Item),
            else => &.{},
        };
        const count = switch (kindOf(Item)) {
            .list => 1,
            .row => std.meta.fieldNames(Item).len,
            else => 0,
        };
        const own: wire.Field = .{ .name = .of(name), .format = .of(format(Item)), .nullable = isOptional(T), .children = count };
        return &[_]wire.Field{own} ++ children;
    }
}

/// The schema of the columns of a row, nodes in pre-order.
pub fn schemaOf(comptime Row: type) []const wire.Field {
    comptime {
        @setEvalBranchQuota(quota);
        var fields: []const wire.Field = &.{};
        for (columnNames(Row)) |name| fields = fields ++ fieldsOf(@FieldType(Row, name), name);
        return fields;
    }
}

/// How many nodes a column has.
pub fn nodeCount(comptime T: type) usize {
    return comptime fieldsOf(T, "").len;
}

/// The Arrow format of a type without `?`.
pub fn format(comptime T: type) []const u8 {
    return switch (T) {
        bool => "b",
        i8 => "c",
        u8 => "C",
        i16 => "s",
        u16 => "S",
        i32 => "i",
        u32 => "I",
        i64 => "l",
        u64 => "L",
        f32 => "f",
        f64 => "g",
        else => switch (kindOf(T)) {
            .text => "u",
            .binary => "z",
            .list => "+l",
            .row => "+s",
            else => T.weir_format,
        },
    };
}
