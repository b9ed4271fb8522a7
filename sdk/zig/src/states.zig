//! States and accumulators: rows that the host keeps between calls.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const builder = @import("builder.zig");
const check = @import("check.zig");
const order = @import("order.zig");
const selection = @import("emitter.zig").selection;
const reads = @import("reads.zig");
const reasonOf = @import("refuse.zig").reasonOf;
const refuse = @import("refuse.zig").refuse;
const value = @import("value.zig");
const views = @import("view.zig");
const wire = bindings.types;

/// The layout of states of a type.
pub fn layout(comptime State: type, version: u32) bindings.Option(wire.StateLayout) {
    return .some(.{ .version = version, .columns = .of(comptime value.schemaOf(State)) });
}

/// The states of a call, one per key; null: the key has none.
pub fn read(comptime State: type, arena: Allocator, states: wire.States) anyerror![]?State {
    return readAs(State, &reads.Reader(State).own, arena, states);
}

fn readAs(comptime State: type, reader: *const reads.Reader(State), arena: Allocator, states: wire.States) anyerror![]?State {
    const columns = try reader.open(.{ .rows = states.keys, .nodes = states.columns.slice() }, arena);
    const may_misfit = columns.fields.mayMisfit();
    const all = try arena.alloc(?State, states.keys);
    for (all, 0..) |*state, key| {
        const is_present = states.present.len == 0 or views.bit(states.present.ptr, key);
        if (is_present and may_misfit) if (columns.fields.misfitColumn(key)) |found|
            return refuse("column \"{s}\" of a state {s}", .{ found.name, found.what });
        state.* = if (is_present) columns.get(key) else null;
    }
    return all;
}

/// The error that refuses a row which leaves a state that its columns cannot hold.
pub fn checked(comptime State: type, state: *const State) error{Refused}!void {
    return check.checked(State, state, "the state");
}

/// What changed between two lists of states of the same keys.
pub fn changes(
    comptime State: type,
    arena: Allocator,
    before: []const ?State,
    after: []const ?State,
) error{OutOfMemory}!struct { wire.Selection, wire.States } {
    var keys: std.ArrayList(u32) = .empty;
    var changed: std.ArrayList(?State) = .empty;
    for (before, after, 0..) |old, new, key| {
        if (order.equal(?State, old, new)) continue;
        try keys.append(arena, @intCast(key));
        try changed.append(arena, new);
    }
    const present = try arena.alloc(u8, (changed.items.len + 7) / 8);
    @memset(present, 0);
    for (changed.items, 0..) |state, at| present[at / 8] |= @as(u8, @intFromBool(state != null)) << @intCast(at % 8);
    return .{
        selection(keys.items, before.len),
        .{
            .keys = @intCast(changed.items.len),
            .present = .of(present),
            .columns = .of(try builder.columnsOf(State, arena, changed.items)),
        },
    };
}

/// States that another version of an operator wrote.
pub const OldStates = struct {
    arena: Allocator,
    version: u32,
    layout: []const wire.Field,
    states: wire.States,

    /// Reads them as rows of a type, one per key; null: the key has none. Columns are matched by name, and an optional field whose
    /// column is not there is null. A struct as the other version had it reads everything.
    pub fn read(self: OldStates, comptime State: type) anyerror![]?State {
        return readAs(State, &try .byName(self.layout, true), self.arena, self.states);
    }

    /// As `read`, but every column must be there, optional ones too: what is done without `migrate`. A column of the other version
    /// that the type does not have is discarded.
    pub fn readWhole(self: OldStates, comptime State: type) anyerror![]?State {
        const reader = reads.Reader(State).byName(self.layout, false) catch |err| return refuse(
            "there is no migration from version {d} of the state, and its columns do not fit: {s}",
            .{ self.version, try reasonOf(err, self.arena) },
        );
        return readAs(State, &reader, self.arena, self.states);
    }
};
