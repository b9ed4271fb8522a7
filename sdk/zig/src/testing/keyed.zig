//! A keyed operator under test: its states, timers and maps, and the two clocks.

const std = @import("std");
const Allocator = std.mem.Allocator;
const bindings = @import("operator_bindings");
const builder = @import("../builder.zig");
const column = @import("../column.zig");
const keyed = @import("../keyed.zig");
const maps = @import("maps.zig");
const MapsOf = @import("../maps.zig").MapsOf;
const order = @import("../order.zig");
const Results = @import("results.zig").Results;
const states = @import("../states.zig");
const table = @import("table.zig");
const timers = @import("../timers.zig");
const types = @import("../types.zig");
const value = @import("../value.zig");
const views = @import("../view.zig");
const wire = bindings.types;

/// A keyed operator that gets rows of type `Given`, keyed by the columns of these names.
pub fn Keyed(comptime Op: type, comptime Given: type, comptime key_by: []const []const u8) type {
    const inputs = table.connections(Given, key_by);
    const State = keyed.StateOf(Op);
    const First = table.inputsOf(Given)[0].Row;
    return struct {
        memory: *std.heap.ArenaAllocator,
        operator: keyed.Keyed(Op),
        plan: wire.Plan,
        /// All keys that came, with the state of each.
        keys: std.ArrayList(Key) = .empty,
        states: std.ArrayList(?State) = .empty,
        pending: std.ArrayList(Pending) = .empty,
        maps: maps.Maps(Op),
        watermark: ?types.Timestamp = null,
        processing_time: types.Timestamp = .{ .micros = 0 },
        /// How many states the last call has written.
        changed: usize = 0,

        const Self = @This();
        /// The columns that the rows are keyed by.
        pub const Key = Key: {
            var field_types: [key_by.len]type = undefined;
            for (key_by, &field_types) |name, *T| T.* = @FieldType(First, name);
            break :Key @Struct(.auto, null, key_by, &field_types, &@splat(.{}));
        };
        const Pending = struct { timer: timers.Timer, key: usize };
        const MapOf = std.meta.FieldEnum(MapsOf(Op));

        fn MapType(comptime map: MapOf) type {
            return @FieldType(MapsOf(Op), @tagName(map));
        }

        /// Connects it. Fails if it cannot be connected to such rows; `weir.testing.expectRefusal` looks at the message.
        pub fn init(operator: Op) anyerror!Self {
            const memory = try std.testing.allocator.create(std.heap.ArenaAllocator);
            memory.* = .init(std.testing.allocator);
            var self: Self = .{ .memory = memory, .operator = undefined, .plan = undefined, .maps = .init(memory.allocator()) };
            errdefer self.deinit();
            self.operator = try .connect(memory.allocator(), operator, inputs, &self.plan);
            return self;
        }

        pub fn deinit(self: *Self) void {
            self.memory.deinit();
            std.testing.allocator.destroy(self.memory);
        }

        /// Processes rows. Fails if a call fails as a whole; rows that are refused are in the results, which live as long as the harness.
        pub fn process(self: *Self, given: []const Given) anyerror!Results {
            const arena = self.memory.allocator();
            var results = self.noResults();
            for (try table.batches(Given, arena, given)) |batch| {
                const of_rows = try arena.alloc(usize, batch.table.rows);
                for (of_rows, batch.start..) |*key, row| key.* = try self.keyOf(given[row]);
                const of_call, const indices = try distinct(arena, of_rows);
                const rows = try batch.table.batch(arena, self.plan.reads.slice()[batch.input].slice(), self.plan.reads_event_times);
                self.maps.begin(of_call);
                const delta = try self.operator.process(arena, batch.input, rows, .of(std.mem.sliceAsBytes(indices)), try self.gather(of_call), self.clock());
                try self.commit(delta, of_call);
                try results.add(.{ .input = batch.input, .source = batch.table, .deltas = delta.outputs.slice() }, batch.start, delta.rejected.slice());
            }
            return results;
        }

        /// Moves the watermark on and runs the timers of event time that are due by then, in the order of time.
        pub fn advanceTo(self: *Self, watermark: types.Timestamp) anyerror!Results {
            self.watermark = watermark;
            return self.fireDue(.event_time, watermark);
        }

        /// Moves the wall clock on and runs the timers of processing time that are due by then, in the order of time.
        pub fn advanceProcessingTimeTo(self: *Self, time: types.Timestamp) anyerror!Results {
            self.processing_time = time;
            return self.fireDue(.processing_time, time);
        }

        /// The state of a key; null: it has none.
        pub fn state(self: *const Self, key: Key) ?State {
            return self.states.items[self.find(key) orelse return null];
        }

        /// An entry of a map of a key; null: it is not there.
        pub fn entry(self: *const Self, comptime map: MapOf, key: Key, entry_key: MapType(map).Key) ?MapType(map).Value {
            return self.maps.tables[@backingInt(map)].entry(self.find(key) orelse return null, entry_key);
        }

        /// The timers of a key that are waiting, the earliest first.
        pub fn timersOf(self: *Self, key: Key) error{OutOfMemory}![]const timers.Timer {
            std.mem.sort(Pending, self.pending.items, {}, isBefore);
            var waiting: std.ArrayList(timers.Timer) = .empty;
            for (self.pending.items) |pending| {
                if (pending.key == self.find(key)) try waiting.append(self.memory.allocator(), pending.timer);
            }
            return waiting.items;
        }

        /// How many keys have a state.
        pub fn stateCount(self: *const Self) usize {
            var count: usize = 0;
            for (self.states.items) |of| count += @intFromBool(of != null);
            return count;
        }

        /// How many entries all maps of all keys have.
        pub fn entryCount(self: *const Self) usize {
            var count: usize = 0;
            inline for (self.maps.tables) |of| count += of.entries.items.len;
            return count;
        }

        /// How many timers are waiting.
        pub fn timerCount(self: *const Self) usize {
            return self.pending.items.len;
        }

        /// What another version of the operator left becomes the states of this one: one state or null per key.
        pub fn migrate(self: *Self, from_version: u32, comptime Old: type, old: []const ?Old) anyerror![]const ?State {
            const arena = self.memory.allocator();
            const nodes = try self.operator.migrate(arena, from_version, comptime value.schemaOf(Old), try statesOf(Old, arena, old));
            return states.read(State, arena, .{ .keys = @intCast(old.len), .present = (try statesOf(Old, arena, old)).present, .columns = nodes });
        }

        fn fireDue(self: *Self, domain: timers.TimeDomain, until: types.Timestamp) anyerror!Results {
            const arena = self.memory.allocator();
            var results = self.noResults();
            while (true) {
                std.mem.sort(Pending, self.pending.items, {}, isBefore);
                var due: std.ArrayList(usize) = .empty;
                var times: std.ArrayList(i64) = .empty;
                // In each call the earliest of every key: what it does to the key's others counts before they come.
                var at: usize = 0;
                while (at < self.pending.items.len) {
                    const next = self.pending.items[at];
                    const is_due = next.timer.domain == domain and next.timer.time.micros <= until.micros;
                    if (!is_due or std.mem.indexOfScalar(usize, due.items, next.key) != null) {
                        at += 1;
                        continue;
                    }
                    try due.append(arena, next.key);
                    try times.append(arena, next.timer.time.micros);
                    _ = self.pending.orderedRemove(at);
                }
                if (due.items.len == 0) return results;
                try self.fire(&results, domain, due.items, times.items);
            }
        }

        fn fire(self: *Self, results: *Results, domain: timers.TimeDomain, due: []const usize, times: []const i64) anyerror!void {
            const arena = self.memory.allocator();
            const of_call, const indices = try distinct(arena, due);
            const rows = try arena.alloc(Key, due.len);
            for (rows, due) |*row, key| row.* = self.keys.items[key];
            var source: table.Table = try .of(Key, arena, rows);
            source.event_times = times;
            const keys: wire.Batch = .{ .rows = source.rows, .columns = .of(source.nodes), .event_times = .empty, .row_kinds = .empty };
            const of_domain: bindings.keyed.Timers = .{
                .domain = domain,
                .keys = .of(std.mem.sliceAsBytes(indices)),
                .times = .of(std.mem.sliceAsBytes(times)),
            };
            self.maps.begin(of_call);
            const delta = try self.operator.onTimer(arena, of_domain, keys, try self.gather(of_call), self.clock());
            try self.commit(delta, of_call);
            try results.add(.{ .input = null, .source = source, .deltas = delta.outputs.slice() }, 0, delta.rejected.slice());
        }

        fn noResults(self: *Self) Results {
            return .{ .arena = self.memory.allocator(), .inputs = inputs, .outputs = self.plan.outputs.slice() };
        }

        fn clock(self: *const Self) bindings.keyed.Clock {
            return .{
                .watermark = if (self.watermark) |time| .some(time.micros) else .none,
                .processing_time = self.processing_time.micros,
            };
        }

        fn keyOf(self: *Self, given: Given) error{OutOfMemory}!usize {
            var key: Key = undefined;
            inline for (key_by) |name| {
                if (@typeInfo(Given) == .@"struct") @field(key, name) = @field(given, name) else switch (given) {
                    inline else => |row| @field(key, name) = @field(row, name),
                }
            }
            if (self.find(key)) |at| return at;
            try self.keys.append(self.memory.allocator(), try order.copy(Key, self.memory.allocator(), key));
            try self.states.append(self.memory.allocator(), null);
            return self.keys.items.len - 1;
        }

        fn find(self: *const Self, key: Key) ?usize {
            for (self.keys.items, 0..) |other, at| if (order.equal(Key, other, key)) return at;
            return null;
        }

        fn gather(self: *Self, keys: []const usize) error{OutOfMemory}!wire.States {
            const of_keys = try self.memory.allocator().alloc(?State, keys.len);
            for (of_keys, keys) |*of, key| of.* = self.states.items[key];
            return statesOf(State, self.memory.allocator(), of_keys);
        }

        fn commit(self: *Self, delta: bindings.keyed.KeyedDelta, keys: []const usize) anyerror!void {
            const arena = self.memory.allocator();
            const new = try states.read(State, arena, delta.states);
            const changed = switch (delta.changed.tag) {
                .empty => &.{},
                .indices => views.numbers(u32, delta.changed.payload.indices.slice()),
                .all => null,
            };
            self.changed = new.len;
            for (new, 0..) |of, at| self.states.items[keys[if (changed) |indices| indices[at] else at]] = of;
            try self.maps.commit(delta.maps.slice());
            for (delta.timers.remove.slice()) |list| try self.changeTimers(list, keys, false);
            for (delta.timers.add.slice()) |list| try self.changeTimers(list, keys, true);
        }

        fn changeTimers(self: *Self, list: bindings.keyed.Timers, keys: []const usize, is_set: bool) error{OutOfMemory}!void {
            for (views.numbers(u32, list.keys.slice()), views.numbers(i64, list.times.slice())) |index, time| {
                const changed: Pending = .{ .timer = .{ .time = .{ .micros = time }, .domain = list.domain }, .key = keys[index] };
                const found = for (self.pending.items, 0..) |other, of| {
                    if (std.meta.eql(other, changed)) break of;
                } else null;
                if (found != null and !is_set) _ = self.pending.orderedRemove(found.?);
                if (found == null and is_set) try self.pending.append(self.memory.allocator(), changed);
            }
        }

        fn isBefore(_: void, a: Pending, b: Pending) bool {
            return a.timer.time.micros < b.timer.time.micros;
        }
    };
}

/// The distinct keys of a call in the order in which they come, and for each row the index of its key.
fn distinct(arena: Allocator, keys: []const usize) error{OutOfMemory}!struct { []const usize, []const u32 } {
    var of_call: std.ArrayList(usize) = .empty;
    const indices = try arena.alloc(u32, keys.len);
    for (keys, indices) |key, *index| {
        index.* = @intCast(std.mem.indexOfScalar(usize, of_call.items, key) orelse of_call.items.len);
        if (index.* == of_call.items.len) try of_call.append(arena, key);
    }
    return .{ of_call.items, indices };
}

fn statesOf(comptime State: type, arena: Allocator, all: []const ?State) error{OutOfMemory}!wire.States {
    const present = try arena.alloc(u8, (all.len + 7) / 8);
    @memset(present, 0);
    for (all, 0..) |state, at| present[at / 8] |= @as(u8, @intFromBool(state != null)) << @intCast(at % 8);
    return .{ .keys = @intCast(all.len), .present = .of(present), .columns = .of(try builder.columnsOf(State, arena, all)) };
}
