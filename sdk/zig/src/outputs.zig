//! The outputs of an operator: which columns they keep, and which they compute.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const reads = @import("reads.zig");
const refuse = @import("refuse.zig").refuse;
const type_name = @import("type_name.zig");
const value = @import("value.zig");
const wire = bindings.types;

/// Which columns of the input go along with a row that is emitted: `pub const keep: weir.Keep = .all;` in its struct. The host
/// carries them over, without a copy. A field of the row replaces a kept column of its name, in its place; the other fields follow.
pub const Keep = union(enum) {
    none,
    all,
    /// All but some, and some under new names.
    all_with: struct { drop: []const []const u8 = &.{}, rename: []const Kept = &.{} },
    /// These, in this order.
    columns: []const Kept,
};

/// A column that is kept: `.of("auction")`, or under a new name `.as("price", "cents")`.
pub const Kept = struct {
    column: []const u8,
    name: []const u8,
    /// Which of several inputs it comes from; null: the only one that has it.
    input: ?[]const u8 = null,

    pub fn of(column: []const u8) Kept {
        return .{ .column = column, .name = column };
    }

    pub fn as(column: []const u8, name: []const u8) Kept {
        return .{ .column = column, .name = name };
    }

    fn isIn(self: Kept, input: wire.Input) bool {
        return if (self.input) |name| std.mem.eql(u8, name, input.name.slice()) else true;
    }
};

/// Which kinds of rows an output has: `pub const changelog: weir.Changelog = .upsert;` in the struct of its row. Without it, a
/// row with a field of type `weir.RowKind` makes it `.retract`.
pub const Changelog = wire.ChangelogMode;

/// The name and the row of an output.
pub const Declared = struct { name: []const u8, field: [:0]const u8, Row: type };

/// The outputs that an operator declares: a struct is the row of the only one; of a union's fields the first is the main output,
/// the others are side outputs with their names, `_` written as `-`.
pub fn declared(comptime Output: type) []const Declared {
    comptime {
        switch (@typeInfo(Output)) {
            .@"struct" => {
                value.checkRow(Output);
                return &.{.{ .name = "main", .field = "", .Row = Output }};
            },
            .@"union" => |info| {
                if (info.tag_type == null) @compileError(@typeName(Output) ++ " has several outputs: it must be a union(enum)");
                var all: []const Declared = &.{};
                for (info.field_names, info.field_types) |field, Row| {
                    value.checkRow(Row);
                    all = all ++ .{Declared{ .name = if (all.len == 0) "main" else dashed(field), .field = field, .Row = Row }};
                }
                return all;
            },
            else => @compileError(@typeName(Output) ++ " cannot be emitted: it must be a struct, or a union(enum) with a struct for each output"),
        }
    }
}

/// A name of Zig as it is written in pipelines: `late_after` as `late-after`.
pub fn dashed(comptime name: []const u8) []const u8 {
    comptime {
        @setEvalBranchQuota(value.quota);
        var text: [name.len]u8 = undefined;
        for (name, &text) |letter, *to| to.* = if (letter == '_') '-' else letter;
        const done = text;
        return &done;
    }
}

/// Plans the outputs of an operator, and says in its plan what they are.
pub fn plan(comptime Output: type, arena: Allocator, inputs: []const wire.Input, into: *wire.Plan) reads.Error![]const Plan {
    const all = comptime declared(Output);
    const plans = try arena.alloc(Plan, all.len);
    const wire_outputs = try arena.alloc(wire.Output, all.len);
    inline for (all, plans, wire_outputs) |output, *to, *of| {
        to.* = try .of(output, arena, inputs);
        of.* = to.output;
    }
    into.outputs = .of(wire_outputs);
    return plans;
}

/// What an output is for the inputs that an operator is connected to.
pub const Plan = struct {
    output: wire.Output,
    /// The computed columns in the order of the output, as indices in `value.columnNames`.
    order: []const usize,

    pub fn of(comptime output: Declared, arena: Allocator, inputs: []const wire.Input) reads.Error!Plan {
        const Row = output.Row;
        const names = comptime value.columnNames(Row);
        const keep: Keep = if (@hasDecl(Row, "keep")) Row.keep else .none;
        var columns: std.ArrayList(wire.OutputColumn) = .empty;
        var order: std.ArrayList(usize) = .empty;
        for (try keptColumns(keep, output.name, arena, inputs)) |kept| {
            inline for (names, 0..) |name, at| {
                if (std.mem.eql(u8, name, kept.name)) {
                    if (std.mem.indexOfScalar(usize, order.items, at) != null) return twice(output.name, name);
                    try columns.append(arena, computed(Row, name));
                    try order.append(arena, at);
                    break;
                }
            } else {
                for (columns.items) |other| {
                    if (other.tag == .kept and std.mem.eql(u8, nameOf(other, inputs), kept.name)) return twice(output.name, kept.name);
                }
                try columns.append(arena, .{ .tag = .kept, .payload = .{ .kept = .{
                    .input = @intCast(kept.input),
                    .column = @intCast(kept.column),
                    .name = if (kept.is_renamed) .some(.of(kept.name)) else .none,
                } } });
            }
        }
        inline for (names, 0..) |name, at| {
            if (std.mem.indexOfScalar(usize, order.items, at) == null) {
                try columns.append(arena, computed(Row, name));
                try order.append(arena, at);
            }
        }
        const changelog: Changelog = if (@hasDecl(Row, "changelog"))
            Row.changelog
        else if (comptime value.fieldOfKind(Row, .row_kind) != null) .retract else .insert_only;
        return .{
            .output = .{ .name = .of(output.name), .columns = .of(columns.items), .changelog = changelog },
            .order = order.items,
        };
    }
};

/// A kept column: its indices, and the name that it gets.
const KeptColumn = struct { input: usize, column: usize, name: []const u8, is_renamed: bool };

fn keptColumns(keep: Keep, output: []const u8, arena: Allocator, inputs: []const wire.Input) reads.Error![]const KeptColumn {
    var columns: std.ArrayList(KeptColumn) = .empty;
    switch (keep) {
        .none => {},
        .columns => |wanted| for (wanted) |kept| try columns.append(arena, try find(kept, output, inputs)),
        .all, .all_with => {
            const drop = if (keep == .all) &.{} else keep.all_with.drop;
            const rename = if (keep == .all) &.{} else keep.all_with.rename;
            for (drop) |name| _ = try find(.of(name), output, inputs);
            for (rename) |kept| _ = try find(kept, output, inputs);
            for (inputs, 0..) |input, at| {
                var fields = input.columns.slice();
                var column: usize = 0;
                next: while (fields.len > 0) : ({
                    fields = fields[type_name.subtreeLen(fields)..];
                    column += 1;
                }) {
                    const name = fields[0].name.slice();
                    for (drop) |dropped| if (std.mem.eql(u8, dropped, name)) continue :next;
                    var kept: KeptColumn = .{ .input = at, .column = column, .name = name, .is_renamed = false };
                    for (rename) |renamed| {
                        if (!renamed.isIn(input) or !std.mem.eql(u8, renamed.column, name)) continue;
                        kept = .{ .input = at, .column = column, .name = renamed.name, .is_renamed = true };
                    }
                    try columns.append(arena, kept);
                }
            }
        },
    }
    return columns.items;
}

fn find(kept: Kept, output: []const u8, inputs: []const wire.Input) error{Refused}!KeptColumn {
    var only: ?KeptColumn = null;
    for (inputs, 0..) |input, at| {
        if (!kept.isIn(input)) continue;
        const found = reads.find(input.columns.slice(), kept.column) orelse continue;
        if (only) |first| return refuse(
            "several inputs have a column \"{s}\", which output \"{s}\" keeps: write .{{ .column = \"{s}\", .name = \"{s}\", .input = \"{s}\" }}",
            .{ kept.column, output, kept.column, kept.name, inputs[first.input].name.slice() },
        );
        only = .{ .input = at, .column = found.index, .name = kept.name, .is_renamed = !std.mem.eql(u8, kept.name, kept.column) };
    }
    if (only) |found| return found;
    return refuse("there is no column \"{s}\", which output \"{s}\" keeps; the input has {f}", .{
        kept.column, output, type_name.Listing{ .columns = if (inputs.len == 0) &.{} else inputs[0].columns.slice() },
    });
}

fn twice(output: []const u8, name: []const u8) error{Refused} {
    return refuse("output \"{s}\" has two columns of the name \"{s}\": give one another name with .as(column, name)", .{ output, name });
}

fn nameOf(column: wire.OutputColumn, inputs: []const wire.Input) []const u8 {
    const kept = column.payload.kept;
    if (kept.name.is_some) return kept.name.value.slice();
    var fields = inputs[kept.input].columns.slice();
    for (0..kept.column) |_| fields = fields[type_name.subtreeLen(fields)..];
    return fields[0].name.slice();
}

fn computed(comptime Row: type, comptime name: []const u8) wire.OutputColumn {
    const fields = comptime value.fieldsOf(@FieldType(Row, name), name);
    return .{ .tag = .computed, .payload = .{ .computed = .of(fields) } };
}
