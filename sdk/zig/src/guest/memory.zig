//! The memory of a component: one stretch that grows, where everything is put one behind the other. What is there when `describe`
//! has ended stays; what comes later is forgotten when its call has ended.

const std = @import("std");
const Alignment = std.mem.Alignment;

/// Where everything that belongs to a call is put.
pub const arena: std.mem.Allocator = .{ .ptr = undefined, .vtable = &.{ .alloc = alloc, .resize = resize, .remap = remap, .free = free } };

/// Forgets what belongs to a call.
pub fn reset() void {
    top = kept;
}

/// Lets all that is there stay.
pub fn keep() void {
    kept = top;
}

extern var __heap_base: u8;
var kept: usize = 0;
var top: usize = 0;

fn alloc(_: *anyopaque, len: usize, alignment: Alignment, _: usize) ?[*]u8 {
    if (top == 0) {
        top = @intFromPtr(&__heap_base);
        kept = top;
    }
    const start = alignment.forward(top);
    const end = std.math.add(usize, start, len) catch return null;
    const has = @wasmMemorySize(0) * std.wasm.page_size;
    if (end > has) {
        const pages = (end - has + std.wasm.page_size - 1) / std.wasm.page_size;
        if (@wasmMemoryGrow(0, pages) < 0) return null;
    }
    top = end;
    return @ptrFromInt(start);
}

fn resize(_: *anyopaque, memory: []u8, _: Alignment, len: usize, _: usize) bool {
    const start = @intFromPtr(memory.ptr);
    if (len <= memory.len) {
        if (start + memory.len == top) top = start + len;
        return true;
    }
    if (start + memory.len != top) return false;
    return alloc(undefined, len - memory.len, .@"1", 0) != null;
}

fn remap(context: *anyopaque, memory: []u8, alignment: Alignment, len: usize, return_address: usize) ?[*]u8 {
    return if (resize(context, memory, alignment, len, return_address)) memory.ptr else null;
}

fn free(_: *anyopaque, memory: []u8, _: Alignment, _: usize) void {
    if (@intFromPtr(memory.ptr) + memory.len == top) top -= memory.len;
}

/// The canonical ABI's: the host puts arguments and results of imports here. What is large is aligned for all types, so that
/// buffers can be viewed as numbers.
fn realloc(old: ?[*]u8, old_len: usize, alignment: usize, len: usize) callconv(.c) [*]u8 {
    const log2: Alignment = .fromByteUnits(@max(alignment, @as(usize, if (len >= 16) 16 else 8)));
    if (old) |memory| if (old_len > 0 and resize(undefined, memory[0..old_len], log2, len, 0)) return memory;
    const made = alloc(undefined, len, log2, 0) orelse @panic("there is no memory for the arguments of a call");
    if (old) |memory| @memcpy(made[0..old_len], memory[0..old_len]);
    return made;
}

comptime {
    @export(&realloc, .{ .name = "cabi_realloc" });
}
