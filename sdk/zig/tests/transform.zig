//! Transforms: what is kept, emitted, refused and connected.

const std = @import("std");
const weir = @import("weir");
const testing = weir.testing;

const Bid = struct { auction: i64, price: i64, url: []const u8, at: weir.EventTime };
const bids = [_]Bid{
    .{ .auction = 1, .price = 10, .url = "a", .at = .{ .micros = 5 } },
    .{ .auction = 2, .price = -1, .url = "b", .at = .{ .micros = 6 } },
    .{ .auction = 3, .price = 0, .url = "c", .at = .{ .micros = 7 } },
    .{ .auction = 4, .price = 3, .url = "d", .at = .{ .micros = 8 } },
};

const Priced = struct { price: i64 };

const Copies = struct {
    const Output = union(enum) { main: Copy, very_cheap: Cheap };
    const Copy = struct {
        price: i64,
        parts: []const []const u8,
        label: []const u8,
        pub const keep: weir.Keep = .{ .all_with = .{ .drop = &.{"url"}, .rename = &.{.as("auction", "id")} } };
    };
    const Cheap = struct {
        pub const keep: weir.Keep = .{ .columns = &.{ .as("url", "link"), .of("auction") } };
    };

    pub fn process(_: *const Copies, row: Priced, out: *weir.Emitter(Output)) !void {
        if (row.price == 0) try out.emit(.{ .very_cheap = .{} });
        for (0..@intCast(@max(row.price, 2))) |copy| {
            if (copy == 2) break;
            try out.emit(.{ .main = .{ .price = row.price, .parts = &.{ "x", "y" }, .label = try out.print("{d}/{d}", .{ copy, row.price }) } });
            try out.emit(.{ .very_cheap = .{} });
        }
        if (row.price < 0) return weir.refuse("the price is {d}", .{row.price});
        if (row.price == 3) return error.Three;
    }
};

test "rows are kept, dropped, renamed, repeated and split, and a refused row leaves nothing" {
    var copies: testing.Transform(Copies, Bid) = try .init(.{});
    defer copies.deinit();
    const results = try copies.process(&bids);
    const Seen = struct { id: i64, price: i64, parts: []const []const u8, label: []const u8, at: weir.EventTime };
    const parts = &.{ "x", "y" };
    try results.expect("main", Seen, &.{
        .{ .id = 1, .price = 10, .parts = parts, .label = "0/10", .at = .{ .micros = 5 } },
        .{ .id = 1, .price = 10, .parts = parts, .label = "1/10", .at = .{ .micros = 5 } },
        .{ .id = 3, .price = 0, .parts = parts, .label = "0/0", .at = .{ .micros = 7 } },
        .{ .id = 3, .price = 0, .parts = parts, .label = "1/0", .at = .{ .micros = 7 } },
    });
    const Link = struct { link: []const u8, auction: i64 };
    const a: Link = .{ .link = "a", .auction = 1 };
    const c: Link = .{ .link = "c", .auction = 3 };
    try results.expect("very-cheap", Link, &.{ a, a, c, c, c });
    try results.expectRefused(&.{ .{ .row = 1, .reason = "the price is -1" }, .{ .row = 3, .reason = "Three" } });
    try testing.expectRefusal("output \"main\" has no column \"url\"", results.rows("main", struct { url: []const u8 }));
    try testing.expectRefusal("there is no output \"other\"", results.rows("other", Link));
}

const Later = struct {
    const Row = struct { at: weir.EventTime, kind: weir.RowKind };
    const Out = struct {
        at: weir.EventTime,
        kind: weir.RowKind,
        pub const keep: weir.Keep = .all;
    };

    pub fn process(_: *const Later, row: Row, out: *weir.Emitter(Out)) !void {
        try out.emit(.{ .at = .{ .micros = row.at.micros + 1 }, .kind = if (row.kind == .delete) .insert else .delete });
    }
};

test "event times and kinds are read and set" {
    const Given = struct { id: u8, at: weir.EventTime, kind: weir.RowKind };
    var later: testing.Transform(Later, Given) = try .init(.{});
    defer later.deinit();
    const results = try later.process(&.{
        .{ .id = 1, .at = .{ .micros = 1 }, .kind = .delete },
        .{ .id = 2, .at = .{ .micros = 2 }, .kind = .update_after },
    });
    try results.expect("main", Given, &.{
        .{ .id = 1, .at = .{ .micros = 2 }, .kind = .insert },
        .{ .id = 2, .at = .{ .micros = 3 }, .kind = .delete },
    });
    try std.testing.expectEqual(.retract, later.plan.outputs.slice()[0].changelog);
    try std.testing.expect(later.plan.reads_event_times);
}

const Named = struct {
    column: []const u8,

    pub fn columnOf(self: *const Named, field: []const u8) []const u8 {
        return if (std.mem.eql(u8, field, "value")) self.column else field;
    }

    pub fn process(_: *const Named, row: struct { value: i64, price: i64 }, out: *weir.Emitter(struct { @"the-value": i64 })) !void {
        try out.emit(.{ .@"the-value" = row.value + row.price });
    }
};

test "the configuration names a column, which is brought once" {
    var named: testing.Transform(Named, Bid) = try .init(.{ .column = "price" });
    defer named.deinit();
    try (try named.process(bids[0..1])).expect("main", struct { @"the-value": i64 }, &.{.{ .@"the-value" = 20 }});
    try std.testing.expectEqual(1, named.plan.reads.slice()[0].len);
}

test "columns that do not fit are named, with those that there are" {
    const input = "; the input has auction: int64, price: int64, url: utf8";
    try testing.expectRefusal(
        "there is no column \"prize\" (int64), which the operator reads" ++ input,
        testing.Transform(Named, Bid).init(.{ .column = "prize" }),
    );
    try testing.expectRefusal(
        "column \"url\" is utf8, but the operator reads it as int64" ++ input,
        testing.Transform(Named, Bid).init(.{ .column = "url" }),
    );
    const Twice = struct {
        pub fn process(_: *const @This(), _: Priced, _: *weir.Emitter(struct {
            pub const keep: weir.Keep = .{ .columns = &.{ .of("price"), .as("auction", "price") } };
        })) !void {}
    };
    try testing.expectRefusal(
        "output \"main\" has two columns of the name \"price\": give one another name with .as(column, name)",
        testing.Transform(Twice, Bid).init(.{}),
    );
    const Unknown = struct {
        pub fn process(_: *const @This(), _: Priced, _: *weir.Emitter(struct {
            pub const keep: weir.Keep = .{ .all_with = .{ .drop = &.{"link"} } };
        })) !void {}
    };
    try testing.expectRefusal(
        "there is no column \"link\", which output \"main\" keeps" ++ input,
        testing.Transform(Unknown, Bid).init(.{}),
    );
}

const Join = struct {
    const Order = struct { id: i64 };
    const Out = struct {
        text: []const u8,
        pub const keep: weir.Keep = .all;
    };
    const Emitter = weir.Emitter(Out);

    pub const inputs = struct {
        pub fn orders(_: *const Join, row: Order, out: *Emitter) !void {
            try out.emit(.{ .text = try out.print("order {d}", .{row.id}) });
        }

        pub fn card_payments(_: *const Join, row: struct { amount: f64 }, out: *Emitter) !void {
            if (row.amount < 0) return weir.refuse("a negative amount", .{});
            try out.emit(.{ .text = "payment" });
        }
    };
};

test "several inputs are told apart by their names" {
    const Given = union(enum) {
        card_payments: struct { amount: f64, card: []const u8 },
        orders: Join.Order,
    };
    var join: testing.Transform(Join, Given) = try .init(.{});
    defer join.deinit();
    const results = try join.process(&.{
        .{ .orders = .{ .id = 7 } },
        .{ .card_payments = .{ .amount = 1, .card = "x" } },
        .{ .card_payments = .{ .amount = -1, .card = "y" } },
    });
    const Seen = struct { id: ?i64, card: ?[]const u8, text: []const u8 };
    try results.expect("main", Seen, &.{
        .{ .id = 7, .card = null, .text = "order 7" },
        .{ .id = null, .card = "x", .text = "payment" },
    });
    try results.expectRefused(&.{.{ .row = 2, .reason = "a negative amount" }});
    try testing.expectRefusal(
        "the operator has the input \"card-payments\", which is not connected",
        testing.Transform(Join, union(enum) { orders: Join.Order }).init(.{}),
    );
    try testing.expectRefusal(
        "the operator has no input \"main\"; it has \"orders\", \"card-payments\"",
        testing.Transform(Join, Join.Order).init(.{}),
    );
    try testing.expectRefusal("the operator has one input, and is connected to 2", testing.Transform(Copies, Given).init(.{}));
}

test "memory that does not suffice fails the call, and not a row" {
    const Greedy = struct {
        pub fn process(_: *const @This(), _: Priced, _: *weir.Emitter(Priced)) !void {
            return error.OutOfMemory;
        }
    };
    var greedy: testing.Transform(Greedy, Priced) = try .init(.{});
    defer greedy.deinit();
    try std.testing.expectError(error.OutOfMemory, greedy.process(&.{.{ .price = 1 }}));
}

test "a reason is UTF-8, and not endless" {
    const Talks = struct {
        pub fn process(_: *const @This(), row: struct { text: weir.Binary }, _: *weir.Emitter(struct {})) !void {
            return weir.refuse("{s}!", .{row.text.bytes});
        }
    };
    var talks: testing.Transform(Talks, struct { text: weir.Binary }) = try .init(.{});
    defer talks.deinit();
    const long: [5000]u8 = @splat('x');
    const results = try talks.process(&.{ .{ .text = .{ .bytes = "a\xffb" } }, .{ .text = .{ .bytes = &long } } });
    try std.testing.expectEqualStrings("a\u{fffd}b!", results.refused.items[0].reason);
    try std.testing.expectStringEndsWith(results.refused.items[1].reason, "xxx...");
    try std.testing.expectEqual(4096, results.refused.items[1].reason.len);
}
