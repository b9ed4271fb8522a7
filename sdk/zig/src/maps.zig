//! All maps of an operator during a call: the fields of its `Maps`.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const dashed = @import("outputs.zig").dashed;
const value = @import("value.zig");

pub fn MapsOf(comptime Op: type) type {
    return if (@hasDecl(Op, "Maps")) Op.Maps else struct {};
}

fn names(comptime Op: type) []const [:0]const u8 {
    return std.meta.fieldNames(MapsOf(Op));
}

pub fn layouts(comptime Op: type) []const bindings.types.MapLayout {
    comptime {
        var all: []const bindings.types.MapLayout = &.{};
        for (names(Op)) |name| {
            const Map = @FieldType(MapsOf(Op), name);
            const place = @typeName(MapsOf(Op)) ++ "." ++ name;
            if (@typeInfo(Map) != .@"struct" or !@hasDecl(Map, "Key")) @compileError(place ++ " must be a weir.Map(Key, Value)");
            if (value.columnNames(Map.Key).len == 0) @compileError(place ++ ": its key needs at least one column");
            all = all ++ .{bindings.types.MapLayout{
                .name = .of(dashed(name)),
                .key = .of(value.schemaOf(Map.Key)),
                .value = .of(value.schemaOf(Map.Value)),
            }};
        }
        return all;
    }
}

pub fn start(comptime Op: type, arena: Allocator) MapsOf(Op) {
    var maps: MapsOf(Op) = undefined;
    inline for (comptime names(Op), 0..) |name, index| @field(maps, name) = .{ .arena = arena, .index = index };
    return maps;
}

/// How many changes each map has.
pub fn Marks(comptime Op: type) type {
    return [names(Op).len]usize;
}

/// What comes from now on is of this key.
pub fn begin(comptime Op: type, maps: *MapsOf(Op), key: u32) Marks(Op) {
    var marks: Marks(Op) = undefined;
    inline for (comptime names(Op), &marks) |name, *mark| {
        @field(maps, name).key = key;
        mark.* = @field(maps, name).undo.items.len;
    }
    return marks;
}

/// Takes back what was changed since.
pub fn takeBack(comptime Op: type, maps: *MapsOf(Op), marks: Marks(Op)) void {
    inline for (comptime names(Op), marks) |name, mark| @field(maps, name).takeBack(mark);
}

pub fn readWanted(comptime Op: type, maps: *MapsOf(Op)) error{OutOfMemory}!void {
    inline for (comptime names(Op)) |name| try @field(maps, name).readWanted();
}

pub fn finish(comptime Op: type, arena: Allocator, maps: *MapsOf(Op)) error{OutOfMemory}![]const bindings.keyed.MapChanges {
    var all: std.ArrayList(bindings.keyed.MapChanges) = .empty;
    inline for (comptime names(Op)) |name| {
        if (try @field(maps, name).finish()) |changes| try all.append(arena, changes);
    }
    return all.items;
}
