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

    const step = b.step("test", "Test the SDK");
    const examples = b.addSystemCommand(&.{ "python3", "tests/examples.py" });
    examples.has_side_effects = true;
    const pages = examples.addOutputDirectoryArg("examples");
    for ([_]std.Build.LazyPath{ b.path("tests/all.zig"), pages.path(b, "all.zig") }) |root| {
        const tests = b.addTest(.{ .root_module = b.createModule(.{
            .root_source_file = root,
            .target = b.graph.host,
            .imports = &.{.{ .name = "weir", .module = weir }},
        }) });
        step.dependOn(&b.addRunArtifact(tests).step);
    }
    step.dependOn(&b.addSystemCommand(&.{ "python3", "bindings.py", "--check" }).step);
    step.dependOn(&b.addFmt(.{ .paths = &.{b.path(".")}, .check = true }).step);
    for (wrong) |case| {
        const compile = b.addTest(.{ .root_module = b.createModule(.{
            .root_source_file = b.path(b.fmt("tests/wrong/{s}.zig", .{case[0]})),
            .target = b.graph.host,
            .imports = &.{.{ .name = "weir", .module = weir }},
        }) });
        compile.expect_errors = .{ .contains = b.fmt("error: {s}", .{case[1]}) };
        step.dependOn(&compile.step);
    }
}

/// Programs that are wrong, and what the compiler says.
const wrong = [_][2][]const u8{
    .{ "field", "field.Row.parts[].size: `u7` is no type of a column; there are bool, i8 to i64, u8 to u64, f32, f64, []const u8 (text), " ++
        "weir.Binary, weir.Date, weir.Timestamp, weir.Decimal(p, s), weir.Number, []const T (list), structs, and ? before any of them" },
    .{ "event_time", "event_time.Row.point.at: the event time of a row is a field of the row itself, without ?" },
    .{ "no_process", "no_process.Operator needs `pub fn process(self, row: Row, out: *weir.Emitter(Output)) !void`, or one such function " ++
        "for each input in `pub const inputs = struct { ... }`" },
    .{ "parameters", "parameters.Operator needs `pub fn process(self, row: Row, out: *weir.Emitter(Output)) !void`: `process` has other parameters" },
    .{ "emitter", "emitter.Operator: `emitter.Emitter(emitter.Out)` must be `*weir.Emitter(Output)`" },
    .{ "output", "i64 cannot be emitted: it must be a struct, or a union(enum) with a struct for each output" },
    .{ "configuration", "configuration.Operator.limits.most: `*const u8` cannot be configured; there are bool, integers, floats, []const u8, " ++
        "enums, slices, structs, and ? before any of them" },
    .{ "accumulator", "accumulator.Sum.sum needs a default, which a new group starts with" },
    .{ "foreign", "foreign.Operator has `State`, which a transform has no use for" },
    .{ "misspelt", "misspelt.Operator: `pub fn onTimr` is never called; did you mean `onTimer`? If not, leave out `pub`" },
    .{ "map", "map.Operator.Maps.words: its key needs at least one column" },
};
