//! What an operator on columns emits into, batch by batch.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const emitter = @import("emitter.zig");
const outputs = @import("outputs.zig");
const refusing = @import("refuse.zig");
const wire = bindings.types;

/// Takes columns of the outputs of an operator; see `weir.Emitter`.
pub fn ColumnEmitter(comptime Output: type) type {
    const declared = outputs.declared(Output);
    comptime var pending: [declared.len]type = undefined;
    for (declared, &pending) |output, *of| of.* = std.ArrayList(Pending(output.Row));
    const Queues = @Tuple(&pending);
    return struct {
        /// Memory that lasts as long as the call. What is emitted must live as long.
        arena: Allocator,
        rows: usize,
        queues: Queues,
        failures: refusing.Failures = .{},
        is_refused: []bool = &.{},

        pub const Emitted = Output;
        const Self = @This();

        pub fn start(arena: Allocator, rows: usize) error{OutOfMemory}!Self {
            var self: Self = .{ .arena = arena, .rows = rows, .queues = undefined };
            inline for (&self.queues) |*queue| queue.* = .empty;
            return self;
        }

        /// Emits rows of the main output: a slice for each of its fields, and the input row that each of them comes from; null:
        /// one for every row of the batch, in order.
        pub fn emit(self: *Self, from: ?[]const u32, columns: Slices(declared[0].Row)) error{ Refused, OutOfMemory }!void {
            return self.push(0, from, columns);
        }

        /// Emits rows of a side output.
        pub fn emitTo(
            self: *Self,
            comptime output: std.meta.FieldEnum(Output),
            from: ?[]const u32,
            columns: Slices(@FieldType(Output, @tagName(output))),
        ) error{ Refused, OutOfMemory }!void {
            return self.push(comptime std.meta.fieldIndex(Output, @tagName(output)).?, from, columns);
        }

        /// Refuses a row, with all that is emitted for it.
        pub fn refuse(self: *Self, row: usize, comptime fmt: []const u8, args: anytype) error{OutOfMemory}!void {
            return self.fail(row, refusing.refuse(fmt, args));
        }

        /// Whether a row is refused so far.
        pub fn isRefused(self: *const Self, row: usize) bool {
            return self.is_refused.len > 0 and self.is_refused[row];
        }

        pub fn fail(self: *Self, row: usize, err: anyerror) error{OutOfMemory}!void {
            if (self.is_refused.len == 0) {
                self.is_refused = try self.arena.alloc(bool, self.rows);
                @memset(self.is_refused, false);
            }
            if (self.is_refused[row]) return;
            self.is_refused[row] = true;
            try self.failures.add(self.arena, row, err);
        }

        fn push(self: *Self, comptime at: usize, from: ?[]const u32, columns: Slices(declared[at].Row)) error{ Refused, OutOfMemory }!void {
            const len = if (from) |sources| sources.len else self.rows;
            inline for (comptime std.meta.fieldNames(declared[at].Row)) |name| {
                const given = @field(columns, name).len;
                if (given != len) return refusing.refuse("column \"" ++ name ++ "\" has {d} values for {d} rows", .{ given, len });
            }
            try self.queues[at].append(self.arena, .{ .len = len, .from = from, .columns = columns });
        }

        /// What the outputs get. What refused rows have emitted is left out; a row with a value that its column cannot hold is refused.
        pub fn finish(self: *Self, plans: []const outputs.Plan) error{ Refused, OutOfMemory }![]const wire.Delta {
            while (true) {
                const refused = self.failures.list.items.len;
                const deltas = try self.write(plans);
                if (self.failures.list.items.len == refused) return deltas;
            }
        }

        fn write(self: *Self, plans: []const outputs.Plan) error{OutOfMemory}![]const wire.Delta {
            const deltas = try self.arena.alloc(wire.Delta, plans.len);
            inline for (declared, 0..) |output, at| {
                var rows: emitter.OutputBuilder(output.Row, output.name) = .{};
                var len: usize = 0;
                for (self.queues[at].items) |pending_rows| len += pending_rows.len;
                try rows.reserve(self.arena, len);
                for (self.queues[at].items) |pending_rows| try self.writeRows(&rows, pending_rows);
                deltas[at] = try rows.finish(self.arena, plans[at].order, self.rows);
            }
            return deltas;
        }

        fn writeRows(self: *Self, to: anytype, pending_rows: anytype) error{OutOfMemory}!void {
            for (0..pending_rows.len) |index| {
                const source: u32 = if (pending_rows.from) |sources| sources[index] else @intCast(index);
                if (self.isRefused(source)) continue;
                to.push(self.arena, source, pending_rows.row(index)) catch |err| try self.fail(source, err);
            }
        }
    };
}

/// A struct with a slice for each field of a row.
pub fn Slices(comptime Row: type) type {
    const names = std.meta.fieldNames(Row);
    comptime var types: [names.len]type = undefined;
    for (names, &types) |name, *of| of.* = []const @FieldType(Row, name);
    return @Struct(.auto, null, names, &types, &@splat(.{}));
}

fn Pending(comptime Row: type) type {
    return struct {
        len: usize,
        from: ?[]const u32,
        columns: Slices(Row),

        inline fn row(self: *const @This(), index: usize) Row {
            var made: Row = undefined;
            inline for (comptime std.meta.fieldNames(Row)) |name| @field(made, name) = @field(self.columns, name)[index];
            return made;
        }
    };
}
