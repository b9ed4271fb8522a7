//! What an operator declares beside its fields: what no operator of its kind has, and names that look misspelt, are compile errors.

const std = @import("std");
const quota = @import("value.zig").quota;

pub const World = enum { transform, keyed, aggregate };

/// What a host never asks an operator of a different WIT world for.
const foreign = .{
    .transform = [_][]const u8{ "State", "Maps", "Key", "version", "onTimer", "prefetch", "migrate", "accumulate", "merge", "finish" },
    .keyed = [_][]const u8{ "processColumns", "accumulate", "merge", "finish" },
    .aggregate = [_][]const u8{ "State", "Maps", "Key", "onTimer", "prefetch", "migrate", "process", "processColumns" },
};

const functions = .{
    .transform = [_][]const u8{ "process", "processColumns", "validate", "columnOf" },
    .keyed = [_][]const u8{ "process", "onTimer", "prefetch", "migrate", "validate", "columnOf" },
    .aggregate = [_][]const u8{ "accumulate", "merge", "finish", "validate", "columnOf" },
};

/// A compile error that names the declaration.
pub fn check(comptime Op: type, comptime world: World) void {
    comptime {
        @setEvalBranchQuota(quota);
        for (@field(foreign, @tagName(world))) |name| if (@hasDecl(Op, name)) {
            const kind = .{ .transform = "a transform", .keyed = "a keyed operator", .aggregate = "an aggregate" };
            @compileError(@typeName(Op) ++ " has `" ++ name ++ "`, which " ++ @field(kind, @tagName(world)) ++ " has no use for");
        };
        for (std.meta.declarations(Op)) |name| {
            if (@typeInfo(@TypeOf(@field(Op, name))) != .@"fn") continue;
            for (@field(functions, @tagName(world))) |known| {
                if (!@hasDecl(Op, known) and isNear(name, known))
                    @compileError(@typeName(Op) ++ ": `pub fn " ++ name ++ "` is never called; did you mean `" ++ known ++ "`? If not, leave out `pub`");
            }
        }
    }
}

/// Whether two names differ by one or two letters next to one another.
fn isNear(a: []const u8, b: []const u8) bool {
    const shorter = @min(a.len, b.len);
    const start = std.mem.indexOfDiff(u8, a, b) orelse return true;
    var end: usize = 0;
    while (end < shorter - start and a[a.len - 1 - end] == b[b.len - 1 - end]) end += 1;
    return shorter > 2 and @max(a.len, b.len) - start - end <= 2;
}
