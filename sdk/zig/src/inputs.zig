//! The inputs of an operator: the functions that take their rows, and what these take.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const dashed = @import("outputs.zig").dashed;
const reads = @import("reads.zig");
const refuse = @import("refuse.zig").refuse;
const value = @import("value.zig");
const wire = bindings.types;

/// An input that an operator declares: `pub fn process`, or one function of `pub const inputs = struct { ... }` for each of
/// several inputs. A function's first parameter is the operator, then comes the row.
pub const Declared = struct {
    /// null: the only one, whatever its name.
    name: ?[]const u8,
    /// The struct that has the function, and the function's name.
    Home: type,
    function: []const u8,

    pub fn parameters(comptime self: Declared) []const ?type {
        return @typeInfo(@TypeOf(@field(self.Home, self.function))).@"fn".param_types;
    }
};

/// The inputs that an operator declares. `needs` says the parameters of their functions; there may be `optional` more.
pub fn declared(
    comptime Op: type,
    comptime function: []const u8,
    comptime needs: []const u8,
    comptime optional: usize,
) []const Declared {
    comptime {
        const count = std.mem.count(u8, needs, ",") + 1;
        var all: []const Declared = &.{};
        if (@hasDecl(Op, function)) {
            all = &.{.{ .name = null, .Home = Op, .function = function }};
        } else if (@hasDecl(Op, "inputs")) {
            for (std.meta.declarations(Op.inputs)) |name| {
                all = all ++ .{Declared{ .name = dashed(name), .Home = Op.inputs, .function = name }};
            }
        }
        const hint = @typeName(Op) ++ " needs `pub fn " ++ function ++ "(" ++ needs ++ ") !void`";
        if (all.len == 0) @compileError(hint ++ ", or one such function for each input in `pub const inputs = struct { ... }`");
        for (all) |input| {
            const info = @typeInfo(@TypeOf(@field(input.Home, input.function)));
            const parameters = if (info == .@"fn") info.@"fn".param_types else &.{};
            if (parameters.len < count or parameters.len > count + optional)
                @compileError(hint ++ ": `" ++ input.function ++ "` has other parameters");
            for (parameters) |of| {
                if (of == null) @compileError(hint ++ ": `anytype` does not say what the row is");
            }
        }
        return all;
    }
}

/// The types of a parameter of the functions; of columns the row.
pub fn rows(comptime all: []const Declared, comptime parameter: usize) []const type {
    comptime {
        var types: []const type = &.{};
        for (all) |input| {
            const Parameter = input.parameters()[parameter].?;
            const Row = if (@typeInfo(Parameter) == .@"struct" and @hasDecl(Parameter, "Row")) Parameter.Row else Parameter;
            value.checkRow(Row);
            types = types ++ .{Row};
        }
        return types;
    }
}

/// The type that a parameter points to.
pub fn Pointee(comptime Op: type, comptime parameter: type, comptime needs: []const u8) type {
    const info = @typeInfo(parameter);
    if (info != .pointer or info.pointer.size != .one)
        @compileError(@typeName(Op) ++ ": `" ++ @typeName(parameter) ++ "` must be `" ++ needs ++ "`");
    return info.pointer.child;
}

/// The inputs of an operator when it is connected: where their columns are. `Rows` has the row of each declared input, `Key` the
/// key columns that the operator looks at.
pub fn Connected(comptime Op: type, comptime all: []const Declared, comptime Rows: []const type, comptime Key: type) type {
    const Readers = Readers: {
        var readers: [all.len]type = undefined;
        for (Rows, &readers) |Row, *Reader| Reader.* = reads.Reader(Row);
        break :Readers @Tuple(&readers);
    };
    return struct {
        /// For each connected input which of the declared ones it is.
        of: []const usize,
        rows: Readers,
        keys: [all.len]reads.Reader(Key),

        const Self = @This();

        /// Finds the columns, and says in the plan which they are.
        pub fn connect(arena: Allocator, operator: *const Op, connected: []const wire.Input, plan: *wire.Plan) reads.Error!Self {
            var self: Self = .{ .of = try match(all, arena, connected), .rows = undefined, .keys = undefined };
            const indices = try arena.alloc(bindings.List(u32), connected.len);
            plan.reads_event_times = false;
            for (self.of, connected, indices) |of, input, *list| {
                var wanted: reads.Reads = .{};
                const columns = input.columns.slice();
                inline for (Rows, 0..) |Row, at| {
                    if (at == of) {
                        self.rows[at] = try .connect(arena, columns, &wanted, ColumnOf(Op){ .operator = operator });
                        self.keys[at] = try .connect(arena, columns, &wanted, reads.by_name);
                        if (comptime value.fieldOfKind(Row, .event_time) != null) plan.reads_event_times = true;
                    }
                }
                list.* = .of(wanted.indices.items);
            }
            plan.reads = .of(indices);
            return self;
        }
    };
}

/// Which declared input each connected one is.
fn match(comptime all: []const Declared, arena: Allocator, connected: []const wire.Input) reads.Error![]const usize {
    if (all[0].name == null and connected.len != 1) return refuse("the operator has one input, and is connected to {d}", .{connected.len});
    const of = try arena.alloc(usize, connected.len);
    for (connected, of) |input, *to| {
        to.* = inline for (all, 0..) |one, at| {
            if (one.name == null or std.mem.eql(u8, one.name.?, input.name.slice())) break at;
        } else return refuse("the operator has no input \"{s}\"; it has " ++ comptime listing(all), .{input.name.slice()});
    }
    inline for (all, 0..) |one, at| {
        if (std.mem.indexOfScalar(usize, of, at) == null)
            return refuse("the operator has the input \"" ++ (one.name orelse "main") ++ "\", which is not connected", .{});
    }
    return of;
}

/// Which column a field is read from: `columnOf(self, field)` of the operator says so, if there is one.
fn ColumnOf(comptime Op: type) type {
    return struct {
        operator: *const Op,

        pub fn of(self: @This(), field: []const u8) []const u8 {
            return if (@hasDecl(Op, "columnOf")) self.operator.columnOf(field) else field;
        }
    };
}

fn listing(comptime all: []const Declared) []const u8 {
    var text: []const u8 = "";
    for (all) |one| text = text ++ (if (text.len == 0) "\"" else ", \"") ++ (one.name orelse "main") ++ "\"";
    return text;
}
