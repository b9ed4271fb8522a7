//! The order of values, which is the host's for the entries of maps: field by field, nulls first, text and binary by bytes, floats in
//! total order. Values that are equal in it are the same to the last bit.

const std = @import("std");
const Order = std.math.Order;
const value = @import("value.zig");

pub fn order(comptime T: type, a: T, b: T) Order {
    if (comptime value.isOptional(T)) {
        if (a == null or b == null) return std.math.order(@intFromBool(a != null), @intFromBool(b != null));
        return order(value.NonNull(T), a.?, b.?);
    }
    switch (@typeInfo(T)) {
        .bool => return std.math.order(@intFromBool(a), @intFromBool(b)),
        .int => return std.math.order(a, b),
        .float => return std.math.order(totalOrder(T, a), totalOrder(T, b)),
        .@"enum" => return std.math.order(@backingInt(a), @backingInt(b)),
        .pointer => {
            if (a.ptr == b.ptr and a.len == b.len) return .eq;
            if (std.meta.Elem(T) == u8) return std.mem.order(u8, a, b);
            for (a[0..@min(a.len, b.len)], b[0..@min(a.len, b.len)]) |x, y| {
                const found = order(std.meta.Elem(T), x, y);
                if (found != .eq) return found;
            }
            return std.math.order(a.len, b.len);
        },
        .@"struct" => {
            inline for (comptime std.meta.fieldNames(T)) |name| {
                const found = order(@FieldType(T, name), @field(a, name), @field(b, name));
                if (found != .eq) return found;
            }
            return .eq;
        },
        else => comptime unreachable,
    }
}

pub fn equal(comptime T: type, a: T, b: T) bool {
    return order(T, a, b) == .eq;
}

/// Equal values have equal hashes.
pub fn hash(comptime T: type, hasher: *std.hash.Wyhash, of: T) void {
    if (comptime value.isOptional(T)) {
        hasher.update(&.{@intFromBool(of != null)});
        return if (of) |item| hash(value.NonNull(T), hasher, item);
    }
    switch (@typeInfo(T)) {
        .bool => hasher.update(&.{@intFromBool(of)}),
        .int, .float, .@"enum" => hasher.update(std.mem.asBytes(&of)),
        .pointer => {
            hasher.update(std.mem.asBytes(&of.len));
            if (std.meta.Elem(T) == u8) hasher.update(of) else for (of) |item| hash(std.meta.Elem(T), hasher, item);
        },
        .@"struct" => inline for (comptime std.meta.fieldNames(T)) |name| hash(@FieldType(T, name), hasher, @field(of, name)),
        else => comptime unreachable,
    }
}

/// A value whose texts and lists are its own.
pub fn copy(comptime T: type, arena: std.mem.Allocator, of: T) error{OutOfMemory}!T {
    if (comptime !borrows(T)) return of;
    if (comptime value.isOptional(T)) return if (of) |item| try copy(value.NonNull(T), arena, item) else null;
    switch (@typeInfo(T)) {
        .pointer => {
            const items = try arena.dupe(std.meta.Elem(T), of);
            if (comptime borrows(std.meta.Elem(T))) {
                for (items) |*item| item.* = try copy(std.meta.Elem(T), arena, item.*);
            }
            return items;
        },
        .@"struct" => {
            var made: T = undefined;
            inline for (comptime std.meta.fieldNames(T)) |name| @field(made, name) = try copy(@FieldType(T, name), arena, @field(of, name));
            return made;
        },
        else => comptime unreachable,
    }
}

fn borrows(comptime T: type) bool {
    @setEvalBranchQuota(value.quota);
    return switch (@typeInfo(T)) {
        .optional => |optional| borrows(optional.child),
        .pointer => true,
        .@"struct" => for (std.meta.fieldNames(T)) |name| {
            if (borrows(@FieldType(T, name))) break true;
        } else false,
        else => false,
    };
}

fn totalOrder(comptime T: type, of: T) @Int(.signed, @bitSizeOf(T)) {
    const Bits = @Int(.signed, @bitSizeOf(T));
    const bits: Bits = @bitCast(of);
    return if (bits < 0) bits ^ std.math.maxInt(Bits) else bits;
}
