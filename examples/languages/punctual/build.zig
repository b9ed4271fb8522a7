const std = @import("std");
const weir = @import("weir");

pub fn build(b: *std.Build) void {
    weir.addOperator(b, .{ .name = "punctual", .root_source_file = b.path("src/main.zig") });
}
