//! Rows out of columns: a struct with a column for each field of a row.

const std = @import("std");
const Column = @import("column.zig").Column;
const quota = @import("value.zig").quota;
const refuse_row = @import("refuse.zig").refuse;

/// The columns of a batch of rows, for operators that work on columns: `bids.column(.price).values`.
pub fn Columns(comptime R: type) type {
    return struct {
        rows: usize,
        fields: Fields(R),

        pub const Row = R;
        const Self = @This();

        /// The column of a field.
        pub fn column(self: *const Self, comptime field: std.meta.FieldEnum(R)) *const Column(@FieldType(R, @tagName(field))) {
            return &@field(self.fields, @tagName(field));
        }

        /// A row, which must not be a misfit.
        pub inline fn get(self: *const Self, row: usize) R {
            return read(R, &self.fields, row);
        }
    };
}

/// A struct with the fields of a row, each as its column.
pub fn Fields(comptime Row: type) type {
    @setEvalBranchQuota(quota);
    const names = std.meta.fieldNames(Row);
    comptime var types: [names.len]type = undefined;
    for (names, &types) |name, *of| of.* = Column(@FieldType(Row, name));
    return @Struct(.auto, null, names, &types, &@splat(.{}));
}

pub inline fn read(comptime Row: type, columns: *const Fields(Row), at: usize) Row {
    var row: Row = undefined;
    inline for (comptime std.meta.fieldNames(Row)) |name| @field(row, name) = @field(columns, name).get(at);
    return row;
}

/// Which rows of a batch hold what their struct has no place for.
pub fn misfits(columns: anytype) Misfits(std.meta.Child(@TypeOf(columns)).Row) {
    const Row = std.meta.Child(@TypeOf(columns)).Row;
    return .{ .fields = &columns.fields, .may_be = mayMisfit(Row, &columns.fields) };
}

fn Misfits(comptime Row: type) type {
    return struct {
        fields: *const Fields(Row),
        may_be: bool,

        /// The error that refuses a row.
        pub inline fn of(self: @This(), row: usize) ?error{Refused} {
            if (!self.may_be) return null;
            return if (misfit(Row, self.fields, row)) |found| found.refuse() else null;
        }
    };
}

/// Whether some row may hold what `Row` has no place for.
pub fn mayMisfit(comptime Row: type, columns: *const Fields(Row)) bool {
    inline for (comptime std.meta.fieldNames(Row)) |name| {
        if (@field(columns, name).mayMisfit()) return true;
    }
    return false;
}

/// The column in which a row holds what `Row` has no place for, and what is wrong with it.
pub fn misfit(comptime Row: type, columns: *const Fields(Row), at: usize) ?Misfit {
    inline for (comptime std.meta.fieldNames(Row)) |name| {
        if (@field(columns, name).misfit(at)) |what| return .{ .column = name, .what = what };
    }
    return null;
}

pub const Misfit = struct {
    column: []const u8,
    what: []const u8,

    /// The error that refuses the row.
    pub fn refuse(self: Misfit) error{Refused} {
        return refuse_row("column \"{s}\" {s}", .{ self.column, self.what });
    }
};
