//! What an operator emits into, row by row.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const builder = @import("builder.zig");
const check = @import("check.zig");
const outputs = @import("outputs.zig");
const refuse = @import("refuse.zig").refuse;
const types = @import("types.zig");
const value = @import("value.zig");
const wire = bindings.types;

/// Takes rows of the outputs of an operator. `Output` is the struct of its only output, or a `union(enum)` of several.
pub fn Emitter(comptime Output: type) type {
    const declared = outputs.declared(Output);
    return struct {
        /// Memory that lasts as long as the call, for texts and lists that are emitted.
        arena: Allocator,
        outputs: Outputs(declared),
        source: u32 = 0,
        /// What the outputs had before the row.
        marks: [declared.len]usize = @splat(0),

        pub const Emitted = Output;
        const Self = @This();

        /// Emits a row. An error, which `process` must return, says that a column cannot hold a value.
        pub inline fn emit(self: *Self, row: Output) error{ Refused, OutOfMemory }!void {
            if (@typeInfo(Output) == .@"struct") return self.outputs[0].push(self.arena, self.source, row);
            inline for (declared, 0..) |output, at| {
                if (row == @field(std.meta.Tag(Output), output.field))
                    return self.outputs[at].push(self.arena, self.source, @field(row, output.field));
            }
        }

        /// A text that lasts as long as the call: `try out.print("{s}#{d}", .{ row.text, copy })`.
        pub fn print(self: *Self, comptime fmt: []const u8, args: anytype) error{OutOfMemory}![]const u8 {
            return std.fmt.allocPrint(self.arena, fmt, args);
        }
    };
}

/// For a call with so many rows.
pub fn start(comptime E: type, arena: Allocator, rows: usize) error{OutOfMemory}!E {
    var out: E = .{ .arena = arena, .outputs = undefined };
    inline for (&out.outputs) |*output| output.* = .{};
    try out.outputs[0].reserve(arena, rows);
    return out;
}

/// What is emitted from now on comes from this row (or timer).
pub inline fn begin(out: anytype, row: usize) void {
    out.source = @truncate(row);
    inline for (&out.marks, &out.outputs) |*mark, *output| mark.* = output.len;
}

/// Forgets what was emitted since `begin`.
pub noinline fn takeBack(out: anytype) void {
    inline for (out.marks, &out.outputs) |mark, *output| output.truncate(mark);
}

/// What the outputs get of a call with so many rows.
pub fn finish(out: anytype, plans: []const outputs.Plan, rows: usize) error{OutOfMemory}![]const wire.Delta {
    const deltas = try out.arena.alloc(wire.Delta, plans.len);
    inline for (&out.outputs, 0..) |*output, at| deltas[at] = try output.finish(out.arena, plans[at].order, rows);
    return deltas;
}

/// A builder for each output.
pub fn Outputs(comptime declared: []const outputs.Declared) type {
    var all: [declared.len]type = undefined;
    for (declared, &all) |output, *of| of.* = OutputBuilder(output.Row, output.name);
    return @Tuple(&all);
}

/// The rows of one output.
pub fn OutputBuilder(comptime Row: type, comptime output: []const u8) type {
    const names = value.columnNames(Row);
    const time = value.fieldOfKind(Row, .event_time);
    const kind = value.fieldOfKind(Row, .row_kind);
    return struct {
        len: usize = 0,
        capacity: usize = 0,
        sources: []u32 = &.{},
        columns: builder.Builders(Row) = .{},

        const Self = @This();

        pub fn push(self: *Self, arena: Allocator, source: u32, row: Row) error{ Refused, OutOfMemory }!void {
            if (comptime check.isNeeded(Row)) {
                if (check.badColumn(Row, &row)) |bad| return refuse("column \"{s}\" of output \"{s}\" {s}", .{ bad.column, output, bad.what });
            }
            if (self.len == self.capacity) try self.reserve(arena, @max(64, self.capacity *| 2));
            inline for (comptime std.meta.fieldNames(Row)) |name| try @field(self.columns, name).set(arena, self.len, @field(row, name));
            self.sources[self.len] = source;
            self.len +%= 1;
        }

        pub noinline fn reserve(self: *Self, arena: Allocator, capacity: usize) error{OutOfMemory}!void {
            inline for (comptime std.meta.fieldNames(Row)) |name| try @field(self.columns, name).reserve(arena, self.len, capacity);
            const sources = try arena.alloc(u32, capacity);
            @memcpy(sources[0..self.len], self.sources[0..self.len]);
            self.sources = sources;
            self.capacity = capacity;
        }

        pub fn truncate(self: *Self, len: usize) void {
            if (len == self.len) return;
            inline for (comptime std.meta.fieldNames(Row)) |name| @field(self.columns, name).truncate(len);
            self.len = len;
        }

        pub fn finish(self: *const Self, arena: Allocator, order: []const usize, rows: usize) error{OutOfMemory}!wire.Delta {
            var nodes: std.ArrayList(wire.Node) = .empty;
            for (order) |column| {
                inline for (names, 0..) |name, at| {
                    if (at == column) try @field(self.columns, name).finish(arena, self.len, &nodes);
                }
            }
            return .{
                .rows = selection(self.sources[0..self.len], rows),
                .computed = .of(nodes.items),
                .event_times = if (time) |name| self.bytesOf(name) else .empty,
                .row_kinds = if (kind) |name| self.bytesOf(name) else .empty,
            };
        }

        fn bytesOf(self: *const Self, comptime name: []const u8) wire.Buffer {
            return .of(std.mem.sliceAsBytes(@field(self.columns, name).values.items[0..self.len]));
        }
    };
}

/// Which rows are meant, as briefly as it can be said.
pub fn selection(sources: []const u32, rows: usize) wire.Selection {
    if (sources.len == 0) return .{ .tag = .empty };
    const is_all = sources.len == rows and for (sources, 0..) |source, row| {
        if (source != row) break false;
    } else true;
    return if (is_all) .{ .tag = .all } else .{ .tag = .indices, .payload = .{ .indices = .of(std.mem.sliceAsBytes(sources)) } };
}
