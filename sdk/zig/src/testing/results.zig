//! What an operator emitted, by output, and which rows it refused.

const std = @import("std");
const Allocator = std.mem.Allocator;
const accepts = @import("../accepts.zig").accepts;
const bindings = @import("operator_bindings");
const column = @import("../column.zig");
const reasonOf = @import("../refuse.zig").reasonOf;
const refuse = @import("../refuse.zig").refuse;
const reads = @import("../reads.zig");
const type_name = @import("../type_name.zig");
const types = @import("../types.zig");
const value = @import("../value.zig");
const views = @import("../view.zig");
const Table = @import("table.zig").Table;
const wire = bindings.types;

pub const Results = struct {
    arena: Allocator,
    inputs: []const wire.Input,
    outputs: []const wire.Output,
    calls: std.ArrayList(Call) = .empty,
    /// The rows (or timers) that were refused, by their index among those that were given.
    refused: std.ArrayList(Refusal) = .empty,

    pub const Refusal = struct { row: usize, reason: []const u8 };

    /// What one call emitted, and the rows that it comes from; of a timer, `input` is null and they are the keys.
    const Call = struct { input: ?u32, source: Table, deltas: []const wire.Delta };

    /// Fails if an output has other rows. `Row` is a struct with the columns that the test looks at, by name.
    pub fn expect(self: *const Results, output: []const u8, comptime Row: type, expected: []const Row) !void {
        const actual = self.rows(output, Row) catch |err| {
            if (err == error.Refused) std.debug.print("{s}\n", .{try reasonOf(err, self.arena)});
            return err;
        };
        try std.testing.expectEqualDeep(expected, @as([]const Row, actual));
    }

    /// Fails if other rows are refused.
    pub fn expectRefused(self: *const Results, expected: []const Refusal) !void {
        try std.testing.expectEqualDeep(expected, @as([]const Refusal, self.refused.items));
    }

    /// The rows of an output. A field is a column, or the event time or the kind of the row.
    pub fn rows(self: *const Results, output: []const u8, comptime Row: type) anyerror![]Row {
        const at = for (self.outputs, 0..) |of, at| {
            if (std.mem.eql(u8, of.name.slice(), output)) break at;
        } else return refuse("there is no output \"{s}\"", .{output});
        var all: std.ArrayList(Row) = .empty;
        for (self.calls.items) |call| {
            const sources = try self.sourcesOf(call, call.deltas[at].rows);
            const made = try all.addManyAsSlice(self.arena, sources.len);
            inline for (comptime std.meta.fieldNames(Row)) |name| try self.readField(Row, name, call, at, sources, made);
        }
        return all.items;
    }

    /// Adds a call. Rows are counted from `start` on.
    pub fn add(self: *Results, call: Call, start: usize, rejected: []const wire.RowFailure) error{OutOfMemory}!void {
        try self.calls.append(self.arena, call);
        for (rejected) |failure| try self.refused.append(self.arena, .{ .row = start + failure.row, .reason = failure.reason.slice() });
    }

    fn sourcesOf(self: *const Results, call: Call, selection: wire.Selection) error{OutOfMemory}![]const u32 {
        switch (selection.tag) {
            .empty => return &.{},
            .indices => return views.numbers(u32, selection.payload.indices.slice()),
            .all => {
                const all = try self.arena.alloc(u32, call.source.rows);
                for (all, 0..) |*source, row| source.* = @intCast(row);
                return all;
            },
        }
    }

    fn readField(
        self: *const Results,
        comptime Row: type,
        comptime name: []const u8,
        call: Call,
        output: usize,
        sources: []const u32,
        made: []Row,
    ) anyerror!void {
        const T = @FieldType(Row, name);
        const delta = call.deltas[output];
        if (T == types.EventTime) {
            const set = views.numbers(i64, delta.event_times.slice());
            for (made, sources, 0..) |*row, source, at| {
                @field(row, name) = .{ .micros = if (set.len > 0) set[at] else call.source.event_times[source] };
            }
        } else if (T == types.RowKind) {
            for (made, sources, 0..) |*row, source, at| {
                const of_source = if (call.source.row_kinds.len > 0) call.source.row_kinds[source] else 0;
                @field(row, name) = @fromBackingInt(if (delta.row_kinds.len > 0) delta.row_kinds.slice()[at] else of_source);
            }
        } else {
            const found = try self.find(call, output, name);
            if (found.view) |view| {
                if (!accepts(T, view.fields)) return refuse(
                    "column \"{s}\" is {f}, not {f}",
                    .{ name, type_name.TypeName{ .fields = view.fields }, type_name.needs(T) },
                );
                const columns = try column.open(T, view, self.arena);
                for (made, sources, 0..) |*row, source, at| {
                    const index = if (found.is_kept) source else at;
                    if (columns.misfit(index)) |what| return refuse("row {d}: column \"{s}\" {s}", .{ at, name, what });
                    @field(row, name) = columns.get(index);
                }
            } else for (made) |*row| {
                @field(row, name) = if (comptime value.isOptional(T)) null else return refuse("column \"{s}\" is null", .{name});
            }
        }
    }

    /// A column of an output; a null view: all of it is null.
    fn find(self: *const Results, call: Call, output: usize, name: []const u8) error{Refused}!struct { view: ?views.View, is_kept: bool } {
        var computed: views.View = .{ .fields = &.{}, .nodes = call.deltas[output].computed.slice() };
        for (self.outputs[output].columns.slice()) |of| {
            switch (of.tag) {
                .computed => {
                    computed.fields = of.payload.computed.slice();
                    if (std.mem.eql(u8, computed.fields[0].name.slice(), name)) return .{ .view = computed, .is_kept = false };
                    computed.nodes = computed.nodes[computed.fields.len..];
                },
                .kept => {
                    const kept = of.payload.kept;
                    const columns = self.inputs[kept.input].columns.slice();
                    const source = (views.View{ .fields = columns, .nodes = &.{} }).after(kept.column).fields[0].name.slice();
                    const to = if (kept.name.is_some) kept.name.value.slice() else source;
                    if (!std.mem.eql(u8, to, name)) continue;
                    if (call.input == kept.input) return .{ .view = call.source.columnAt(kept.column), .is_kept = true };
                    const key = if (call.input == null) reads.find(call.source.fields, source) else null;
                    return .{ .view = if (key) |found| call.source.columnAt(found.index) else null, .is_kept = true };
                },
            }
        }
        return refuse("output \"{s}\" has no column \"{s}\"", .{ self.outputs[output].name.slice(), name });
    }
};
