//! The rows of a batch, out of its columns.

const std = @import("std");
const columns = @import("column.zig");
const refuse = @import("refuse.zig").refuse;

/// The columns of a batch of rows, for operators that work on columns: `bids.column(.price).values`.
pub fn Columns(comptime R: type) type {
    return struct {
        rows: usize,
        fields: columns.Structs(R),

        pub const Row = R;
        const Self = @This();

        /// The column of a field.
        pub fn column(self: *const Self, comptime field: std.meta.FieldEnum(R)) *const columns.Column(@FieldType(R, @tagName(field))) {
            return &@field(self.fields.columns, @tagName(field));
        }

        /// A row, which must not be a misfit.
        pub inline fn get(self: *const Self, row: usize) R {
            return self.fields.get(row);
        }
    };
}

/// Which rows of a batch hold what their struct has no place for.
pub fn Misfits(comptime Row: type) type {
    return struct {
        fields: *const columns.Structs(Row),
        may_be: bool,

        pub fn in(rows: *const Columns(Row)) @This() {
            return .{ .fields = &rows.fields, .may_be = rows.fields.mayMisfit() };
        }

        /// The error that refuses a row.
        pub inline fn of(self: @This(), row: usize) ?error{Refused} {
            if (!self.may_be) return null;
            const found = self.fields.misfitColumn(row) orelse return null;
            return refuse("column \"{s}\" {s}", .{ found.name, found.what });
        }
    };
}
