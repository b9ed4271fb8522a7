//! Matching what an operator reads with what its input has, by name and type, and finding the columns in what a call brings.

const std = @import("std");
const Allocator = std.mem.Allocator;
const accepts = @import("accepts.zig").accepts;
const bindings = @import("operator_bindings");
const column = @import("column.zig");
const rows = @import("rows.zig");
const refuse = @import("refuse.zig").refuse;
const type_name = @import("type_name.zig");
const types = @import("types.zig");
const value = @import("value.zig");
const views = @import("view.zig");
const Field = bindings.types.Field;
const Node = bindings.types.Node;

pub const Error = error{ Refused, OutOfMemory };

/// The columns that calls bring of one input, each once.
pub const Reads = struct {
    indices: std.ArrayList(u32) = .empty,
    starts: std.ArrayList(usize) = .empty,
    nodes: usize = 0,

    /// Asks for a column, and says where its nodes are.
    fn add(self: *Reads, arena: Allocator, index: u32, len: usize) error{OutOfMemory}!usize {
        if (std.mem.indexOfScalar(u32, self.indices.items, index)) |at| return self.starts.items[at];
        try self.indices.append(arena, index);
        try self.starts.append(arena, self.nodes);
        defer self.nodes += len;
        return self.nodes;
    }
};

/// What a call brings of an input.
pub const Given = struct {
    rows: u32,
    nodes: []const Node,
    event_times: []const u8 = &.{},
    row_kinds: []const u8 = &.{},

    pub fn of(batch: bindings.types.Batch) Given {
        return .{
            .rows = batch.rows,
            .nodes = batch.columns.slice(),
            .event_times = batch.event_times.slice(),
            .row_kinds = batch.row_kinds.slice(),
        };
    }
};

/// Where the columns of a row are.
pub fn Reader(comptime Row: type) type {
    const names = value.columnNames(Row);
    return struct {
        places: [names.len]?Place,

        const Self = @This();
        /// The schema of a column, and the index of its first node.
        const Place = struct { fields: []const Field, node: usize };

        /// Finds the columns of an input. `column_of` says the name of each.
        pub fn connect(arena: Allocator, input: []const Field, reads: *Reads, column_of: anytype) Error!Self {
            var self: Self = undefined;
            inline for (names, &self.places) |field, *place| {
                const T = @FieldType(Row, field);
                const name = column_of.of(field);
                const found = find(input, name) orelse return missing(T, name, input);
                if (!accepts(T, found.fields)) return refuse(
                    "column \"{s}\" is {f}, but the operator reads it as {f}; the input has {f}",
                    .{ name, type_name.TypeName{ .fields = found.fields }, type_name.needs(T), type_name.Listing{ .columns = input } },
                );
                place.* = .{ .fields = found.fields, .node = try reads.add(arena, @intCast(found.index), found.fields.len) };
            }
            return self;
        }

        /// Finds columns of this schema, which come in its order.
        pub fn byName(written: []const Field, optional_may_be_missing: bool) error{Refused}!Self {
            var self: Self = undefined;
            inline for (names, &self.places) |name, *place| {
                const T = @FieldType(Row, name);
                if (find(written, name)) |found| {
                    if (!accepts(T, found.fields)) return refuse(
                        "column \"{s}\" is {f}, not {f}",
                        .{ name, type_name.TypeName{ .fields = found.fields }, type_name.needs(T) },
                    );
                    place.* = .{ .fields = found.fields, .node = found.node };
                } else if (value.isOptional(T) and optional_may_be_missing) {
                    place.* = null;
                } else return missing(T, name, written);
            }
            return self;
        }

        /// The columns as the row itself writes them.
        pub const own: Self = own: {
            var self: Self = undefined;
            var node: usize = 0;
            for (names, &self.places) |name, *place| {
                const fields = value.fieldsOf(@FieldType(Row, name), name);
                place.* = .{ .fields = fields, .node = node };
                node += fields.len;
            }
            break :own self;
        };

        /// Views the columns.
        pub fn open(self: *const Self, given: Given, arena: Allocator) error{ BadColumn, OutOfMemory }!rows.Columns(Row) {
            var fields: column.Fields(Row) = undefined;
            inline for (names, self.places) |name, maybe_place| {
                const T = @FieldType(Row, name);
                @field(fields, name) = if (maybe_place) |place| open: {
                    if (place.node >= given.nodes.len or given.nodes[place.node].length < given.rows) return error.BadColumn;
                    break :open try column.open(T, .{ .fields = place.fields, .nodes = given.nodes[place.node..] }, arena);
                } else if (comptime value.isOptional(T)) try column.absent(T, given.rows, arena) else unreachable;
            }
            if (comptime value.fieldOfKind(Row, .event_time)) |name| {
                const times = views.numbers(types.EventTime, given.event_times);
                if (times.len < given.rows) return error.BadColumn;
                @field(fields, name) = .{ .values = times };
            }
            if (comptime value.fieldOfKind(Row, .row_kind)) |name| {
                const kinds = try arena.alloc(types.RowKind, given.rows);
                @memset(kinds, .insert);
                for (given.row_kinds, kinds[0..given.row_kinds.len]) |number, *kind| {
                    kind.* = std.enums.fromInt(types.RowKind, number) orelse return error.BadColumn;
                }
                @field(fields, name) = .{ .values = kinds };
            }
            return .{ .rows = given.rows, .fields = .{ .columns = fields } };
        }
    };
}

/// Every field is read from the column of its name.
pub const by_name = struct {
    pub fn of(_: @This(), field: []const u8) []const u8 {
        return field;
    }
}{};

pub const Found = struct { index: usize, node: usize, fields: []const Field };

/// A column by its name.
pub fn find(columns: []const Field, name: []const u8) ?Found {
    var index: usize = 0;
    var node: usize = 0;
    while (node < columns.len) : (index += 1) {
        const len = type_name.subtreeLen(columns[node..]);
        if (std.mem.eql(u8, columns[node].name.slice(), name)) return .{ .index = index, .node = node, .fields = columns[node..][0..len] };
        node += len;
    }
    return null;
}

fn missing(comptime T: type, name: []const u8, input: []const Field) error{Refused} {
    return refuse(
        "there is no column \"{s}\" ({f}), which the operator reads; the input has {f}",
        .{ name, type_name.needs(T), type_name.Listing{ .columns = input } },
    );
}
