//! Values that a column cannot hold: text that is not UTF-8, and decimals with too many digits. Other values always fit their types.

const std = @import("std");
const refuse = @import("refuse.zig").refuse;
const value = @import("value.zig");

/// Whether some value of a type may be bad.
pub fn isNeeded(comptime T: type) bool {
    @setEvalBranchQuota(value.quota);
    const Item = value.NonNull(T);
    return switch (value.kindOf(Item)) {
        .text => true,
        .fixed => @typeInfo(Item) == .@"struct" and @hasDecl(Item, "weir_limit"),
        .list => isNeeded(@typeInfo(Item).pointer.child),
        .row => for (std.meta.fieldNames(Item)) |name| {
            if (isNeeded(@FieldType(Item, name))) break true;
        } else false,
        else => false,
    };
}

/// Refuses a row that the host is to keep, or to look for, if its columns cannot hold it; `what` is its name in the reason.
pub fn checked(comptime Row: type, row: *const Row, comptime what: []const u8) error{Refused}!void {
    if (comptime isNeeded(Row)) {
        if (badColumn(Row, row)) |found| return refuse("column \"{s}\" of " ++ what ++ " {s}", .{ found.column, found.what });
    }
}

/// What is wrong with a row: the column, and why it cannot hold the value.
pub fn badColumn(comptime Row: type, row: *const Row) ?struct { column: []const u8, what: []const u8 } {
    inline for (comptime std.meta.fieldNames(Row)) |name| {
        if (comptime isNeeded(@FieldType(Row, name))) {
            if (bad(@FieldType(Row, name), @field(row, name))) |what| return .{ .column = name, .what = what };
        }
    }
    return null;
}

fn bad(comptime T: type, given: T) ?[]const u8 {
    if (comptime value.isOptional(T)) return if (given) |item| bad(value.NonNull(T), item) else null;
    switch (comptime value.kindOf(T)) {
        .text => return if (isUtf8(given)) null else "holds bytes that are not UTF-8 (use weir.Binary)",
        .fixed => return if (given.unscaled > -T.weir_limit and given.unscaled < T.weir_limit) null else "holds a number with too many digits",
        .list => {
            for (given) |item| if (bad(std.meta.Elem(T), item)) |what| return what;
            return null;
        },
        .row => return if (badColumn(T, &given)) |found| found.what else null,
        else => comptime unreachable,
    }
}

fn isUtf8(text: []const u8) bool {
    // Most texts are ASCII, which eight bytes at a time are quick to tell.
    var rest = text;
    while (rest.len >= 8) : (rest = rest[8..]) {
        if (std.mem.readInt(u64, rest[0..8], .little) & 0x8080808080808080 != 0) return std.unicode.utf8ValidateSlice(rest);
    }
    return std.unicode.utf8ValidateSlice(rest);
}
