//! The SDK as a package. A project's build.zig is one call of `addOperator`; `zig build test` here tests the SDK itself.

const std = @import("std");

pub const Options = struct {
    /// The name of the component.
    name: []const u8,
    /// The file that has `pub const operator`, and the project's tests.
    root_source_file: std.Build.LazyPath,
};

/// Gives a project the steps `operator`, which makes the component's core module (`bin/NAME.wasm` under the prefix), and `test`,
/// which runs its tests natively.
pub fn addOperator(b: *std.Build, options: Options) void {
    // Safety checks are what keeps a number from being wrapped unsaid: an overflow traps.
    const optimize = b.option(std.builtin.Optimize, "optimize", "How the component is optimized (default: safe)") orelse .safe;
    const sdk = b.dependencyFromBuildZig(@This(), .{});
    const weir = sdk.module("weir");
    const bindings = sdk.module("bindings");
    const target = b.resolveTargetQuery(.{ .cpu_arch = .wasm32, .os_tag = .freestanding });

    const operator = b.createModule(.{
        .root_source_file = options.root_source_file,
        .imports = &.{.{ .name = "weir", .module = weir }},
    });
    const component = b.addExecutable(.{
        .name = options.name,
        .root_module = b.createModule(.{
            .root_source_file = sdk.path("src/guest/root.zig"),
            .target = target,
            .optimize = optimize,
            .strip = false,
            .imports = &.{
                .{ .name = "weir", .module = weir },
                .{ .name = "operator_bindings", .module = bindings },
                .{ .name = "operator", .module = operator },
            },
        }),
    });
    component.entry = .disabled;
    component.rdynamic = true;
    const install = &b.addInstallArtifact(component, .{}).step;
    b.step("operator", "Make the core module of the component").dependOn(install);
    b.getInstallStep().dependOn(install);

    const tests = b.addTest(.{ .root_module = b.createModule(.{
        .root_source_file = options.root_source_file,
        .target = b.graph.host,
        .imports = &.{.{ .name = "weir", .module = weir }},
    }) });
    b.step("test", "Run the tests natively").dependOn(&b.addRunArtifact(tests).step);
}

pub fn build(b: *std.Build) void {
    const bindings = b.addModule("bindings", .{ .root_source_file = b.path("bindings/operator.zig") });
    const weir = b.addModule("weir", .{
        .root_source_file = b.path("src/weir.zig"),
        .imports = &.{.{ .name = "operator_bindings", .module = bindings }},
    });

    const tests = b.addTest(.{ .root_module = b.createModule(.{
        .root_source_file = b.path("tests/all.zig"),
        .target = b.graph.host,
        .imports = &.{.{ .name = "weir", .module = weir }},
    }) });
    b.step("test", "Test the SDK").dependOn(&b.addRunArtifact(tests).step);
}
