//! Columns of a test, and what a host passes of them.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const builder = @import("../builder.zig");
const column = @import("../column.zig");
const dashed = @import("../outputs.zig").dashed;
const type_name = @import("../type_name.zig");
const value = @import("../value.zig");
const views = @import("../view.zig");
const wire = bindings.types;

/// Rows in columns.
pub const Table = struct {
    fields: []const wire.Field,
    nodes: []const wire.Node,
    rows: u32,
    /// One per row.
    event_times: []const i64,
    /// One per row, or none: all are inserts.
    row_kinds: []const u8,

    /// From rows. Their event time is 0, if they do not say it.
    pub fn of(comptime Row: type, arena: Allocator, rows: []const Row) error{OutOfMemory}!Table {
        const times = try arena.alloc(i64, rows.len);
        const kinds = try arena.alloc(u8, if (comptime value.fieldOfKind(Row, .row_kind) != null) rows.len else 0);
        for (rows, times, 0..) |row, *time, at| {
            time.* = if (comptime value.fieldOfKind(Row, .event_time)) |name| @field(row, name).micros else 0;
            if (comptime value.fieldOfKind(Row, .row_kind)) |name| kinds[at] = @backingInt(@field(row, name));
        }
        return .{
            .fields = comptime value.schemaOf(Row),
            .nodes = try builder.columnsOf(Row, arena, rows),
            .rows = @intCast(rows.len),
            .event_times = times,
            .row_kinds = kinds,
        };
    }

    /// The column with this index.
    pub fn columnAt(self: Table, index: usize) views.View {
        return (views.View{ .fields = self.fields, .nodes = self.nodes }).after(index);
    }

    /// What an operator gets that reads these columns.
    pub fn batch(self: Table, arena: Allocator, reads: []const u32, reads_event_times: bool) error{OutOfMemory}!wire.Batch {
        var nodes: std.ArrayList(wire.Node) = .empty;
        for (reads) |index| {
            const view = self.columnAt(index);
            try nodes.appendSlice(arena, view.nodes[0..type_name.subtreeLen(view.fields)]);
        }
        return .{
            .rows = self.rows,
            .columns = .of(nodes.items),
            .event_times = if (reads_event_times) .of(std.mem.sliceAsBytes(self.event_times)) else .empty,
            .row_kinds = .of(self.row_kinds),
        };
    }
};

/// The inputs of a test: a row, or a union of the rows of several inputs.
pub fn inputsOf(comptime Given: type) []const Input {
    comptime {
        if (@typeInfo(Given) == .@"struct") return &.{.{ .name = "main", .Row = Given }};
        var all: []const Input = &.{};
        for (@typeInfo(Given).@"union".field_names, @typeInfo(Given).@"union".field_types) |name, Row| {
            all = all ++ .{Input{ .name = dashed(name), .Row = Row }};
        }
        return all;
    }
}

pub const Input = struct { name: []const u8, Row: type };

/// As the inputs that an operator is connected to, keyed by the columns of these names.
pub fn connections(comptime Given: type, comptime keys: []const []const u8) []const wire.Input {
    comptime {
        var all: []const wire.Input = &.{};
        for (inputsOf(Given)) |input| {
            var indices: []const u32 = &.{};
            for (keys) |key| {
                const index = for (value.columnNames(input.Row), 0..) |name, index| {
                    if (std.mem.eql(u8, name, key)) break index;
                } else @compileError(@typeName(input.Row) ++ " has no column `" ++ key ++ "` to be keyed by");
                indices = indices ++ .{index};
            }
            all = all ++ .{wire.Input{
                .name = .of(input.name),
                .columns = .of(value.schemaOf(input.Row)),
                .keys = .of(indices),
                .changelog = if (value.fieldOfKind(input.Row, .row_kind) == null) .insert_only else .retract,
            }};
        }
        return all;
    }
}

/// A batch: rows of one input that follow one another.
pub const Batch = struct { input: u32, start: usize, table: Table };

/// Cuts rows into batches.
pub fn batches(comptime Given: type, arena: Allocator, given: []const Given) error{OutOfMemory}![]const Batch {
    var all: std.ArrayList(Batch) = .empty;
    if (@typeInfo(Given) == .@"struct") {
        try all.append(arena, .{ .input = 0, .start = 0, .table = try .of(Given, arena, given) });
        return all.items;
    }
    var start: usize = 0;
    while (start < given.len) {
        const tag = std.meta.activeTag(given[start]);
        var end = start;
        while (end < given.len and given[end] == tag) end += 1;
        inline for (comptime std.meta.fieldNames(Given), comptime inputsOf(Given), 0..) |name, input, index| {
            if (tag == @field(std.meta.Tag(Given), name)) {
                const rows = try arena.alloc(input.Row, end - start);
                for (rows, given[start..end]) |*row, from| row.* = @field(from, name);
                try all.append(arena, .{ .input = index, .start = start, .table = try .of(input.Row, arena, rows) });
            }
        }
        start = end;
    }
    return all.items;
}
