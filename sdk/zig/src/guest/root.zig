//! The root of a component: exports the functions of the operator's world, logs what is written to `std.log` and `std.debug.print`, and logs the message
//! of a panic before it traps. It is not in native builds.

const std = @import("std");
const bindings = @import("operator_bindings");
const line_max = @import("line.zig").line_max;
const memory = @import("memory.zig");
const author = @import("operator");
const Operator = if (@hasDecl(author, "operator"))
    author.operator
else
    @compileError("the `root_source_file` of build.zig needs `pub const operator = weir.Transform(...);`");
const reasonOf = @import("weir").reasonOf;
const wire = bindings.types;
const writeLine = @import("line.zig").writeLine;
const Result = bindings.Result;

pub const std_options: std.Options = .{ .logFn = log, .log_level = .debug };
pub const std_options_debug_io = @import("debug_print.zig").io;
pub const panic = std.debug.FullPanic(logAndTrap);

comptime {
    _ = memory;
    switch (Operator.world) {
        .transform => bindings.transform.exportAs(transform),
        .keyed => bindings.keyed.exportAs(keyed),
        .aggregate => bindings.aggregate.exportAs(aggregate),
        else => unreachable,
    }
}

/// The operator, once `describe` has connected it.
var connected: Operator = undefined;

/// What all worlds have.
const common = struct {
    fn about() wire.OperatorInfo {
        return Operator.info();
    }

    fn describe(config: bindings.String, inputs: bindings.List(wire.Input)) Result(wire.Plan) {
        var plan: wire.Plan = undefined;
        connected = Operator.describe(memory.arena, config.slice(), inputs.slice(), &plan) catch |err| return failed(wire.Plan, err);
        memory.keep();
        return .ok(plan);
    }
};

const transform = struct {
    pub const about = common.about;
    pub const describe = common.describe;
    pub const postReturn = memory.reset;

    pub fn process(input: u32, rows: wire.Batch) Result(bindings.transform.TransformDelta) {
        return answer(connected.process(memory.arena, input, rows));
    }
};

const keyed = struct {
    const Delta = bindings.keyed.KeyedDelta;

    pub const about = common.about;
    pub const describe = common.describe;
    pub const postReturn = memory.reset;

    pub fn process(input: u32, rows: wire.Batch, key_of_row: wire.Buffer, states: wire.States, now: bindings.keyed.Clock) Result(Delta) {
        return answer(connected.process(memory.arena, input, rows, key_of_row, states, now));
    }

    pub fn onTimer(due: bindings.keyed.Timers, keys: wire.Batch, states: wire.States, now: bindings.keyed.Clock) Result(Delta) {
        return answer(connected.onTimer(memory.arena, due, keys, states, now));
    }

    pub fn migrate(from_version: u32, layout: wire.Schema, states: wire.States) Result(bindings.List(wire.Node)) {
        return answer(connected.migrate(memory.arena, from_version, layout.slice(), states));
    }
};

const aggregate = struct {
    const Nodes = bindings.List(wire.Node);

    pub const about = common.about;
    pub const describe = common.describe;
    pub const postReturn = memory.reset;

    pub fn accumulate(rows: wire.Batch, group_of_row: wire.Buffer, accumulators: wire.States) Result(bindings.aggregate.Accumulated) {
        return answer(connected.accumulate(memory.arena, rows, group_of_row, accumulators));
    }

    pub fn merge(left: wire.States, right: wire.States) Result(Nodes) {
        return answer(connected.merge(memory.arena, left, right));
    }

    pub fn finish(accumulators: wire.States) Result(Nodes) {
        return answer(connected.finish(memory.arena, accumulators));
    }
};

fn answer(result: anytype) Result(@typeInfo(@TypeOf(result)).error_union.payload) {
    return if (result) |given| .ok(given) else |err| failed(@typeInfo(@TypeOf(result)).error_union.payload, err);
}

fn failed(comptime T: type, err: anyerror) Result(T) {
    return .err(reasonOf(err, memory.arena) catch "OutOfMemory");
}

fn log(comptime level: std.log.Level, comptime scope: @EnumLiteral(), comptime fmt: []const u8, args: anytype) void {
    const prefix = if (scope == .default) "" else @tagName(scope) ++ ": ";
    var buffer: [line_max]u8 = undefined;
    var writer: std.Io.Writer = .fixed(&buffer);
    // A line that is too long is cut.
    writer.print(prefix ++ fmt, args) catch {};
    writeLine(switch (level) {
        .err => .@"error",
        .warn => .warn,
        .info => .info,
        .debug => .debug,
    }, writer.buffered());
}

fn logAndTrap(message: []const u8, _: ?usize) noreturn {
    writeLine(.@"error", message);
    @trap();
}
