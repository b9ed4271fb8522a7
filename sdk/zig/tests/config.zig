//! Configurations, and what an operator says of its own.

const std = @import("std");
const weir = @import("weir");

const Mode = enum { strict, very_loose };

const Operator = struct {
    price_min: i64,
    share: f64 = 0.5,
    mode: Mode = .strict,
    names: []const []const u8 = &.{},
    limits: ?struct { low: u8, high: ?u8 } = null,
    loud: ?bool,

    pub const title = "A \"title\"";
    pub const docs = .{ .price_min = "The least price." };

    pub fn validate(self: *const Operator) !void {
        if (self.price_min == 13) return weir.refuse("`price-min` is unlucky", .{});
    }

    pub fn process(_: *const Operator, _: struct {}, _: *weir.Emitter(struct {})) !void {}
};

fn expectConfig(json: []const u8, expected: Operator) !void {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    try std.testing.expectEqualDeep(expected, try weir.testing.configured(Operator, arena.allocator(), json));
}

fn expectRefusal(json: []const u8, expected: []const u8) !void {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    try weir.testing.expectRefusal(expected, weir.testing.configured(Operator, arena.allocator(), json));
}

test "a configuration is read, with defaults" {
    try expectConfig("{\"price-min\": -9223372036854775808}", .{ .price_min = std.math.minInt(i64), .loud = null });
    try expectConfig(
        \\{"price-min": 9007199254740993, "share": 1, "mode": "very-loose", "names": ["a", "\u00fc"], "limits": {"low": 255, "high": null}, "loud": true}
    , .{
        .price_min = 9007199254740993,
        .share = 1,
        .mode = .very_loose,
        .names = &.{ "a", "ü" },
        .limits = .{ .low = 255, .high = null },
        .loud = true,
    });
}

test "what is wrong with a configuration is said with its key" {
    try expectRefusal("", "config: missing field `price-min`");
    try expectRefusal("null", "config: missing field `price-min`");
    try expectRefusal("[]", "config: it is a table, not a list");
    try expectRefusal("{", "config: it is no JSON");
    try expectRefusal("{\"price-min\": 1, \"price-min\": 1}", "config: a key is there twice");
    try expectRefusal(
        "{\"price-min\": 1, \"shares\": 1}",
        "config: unknown field `shares`, expected `price-min`, `share`, `mode`, `names`, `limits`, `loud`",
    );
    try expectRefusal("{\"price-min\": 1.5}", "config: `price-min` is an integer, not 1.5");
    try expectRefusal("{\"price-min\": \"1\"}", "config: `price-min` is an integer, not \"1\"");
    try expectRefusal(
        "{\"price-min\": 9223372036854775808}",
        "config: `price-min`: 9223372036854775808 is out of range, from -9223372036854775808 to 9223372036854775807",
    );
    try expectRefusal("{\"price-min\": 1, \"share\": 1e999}", "config: `share`: 1e999 is out of range");
    try expectRefusal("{\"price-min\": 1, \"loud\": 0}", "config: `loud` is true or false, not 0");
    try expectRefusal("{\"price-min\": 1, \"mode\": \"loose\"}", "config: `mode` is one of `strict`, `very-loose`, not \"loose\"");
    try expectRefusal("{\"price-min\": 1, \"names\": [null]}", "config: `names[]` is a text, not null");
    try expectRefusal("{\"price-min\": 1, \"limits\": 5}", "config: `limits` is a table, not 5");
    try expectRefusal("{\"price-min\": 1, \"limits\": {\"low\": 256}}", "config: `limits.low`: 256 is out of range, from 0 to 255");
    try expectRefusal("{\"price-min\": 1, \"limits\": {\"low\": 1, \"mid\": 1}}", "config: unknown field `limits.mid`, expected `low`, `high`");
    try expectRefusal("{\"price-min\": 13}", "config: `price-min` is unlucky");
}

test "the title and a JSON Schema are there" {
    const info = weir.Transform(Operator).info();
    try std.testing.expectEqualStrings("A \"title\"", info.title.value.slice());
    const schema = try std.json.parseFromSlice(std.json.Value, std.testing.allocator, info.config_schema.value.slice(), .{});
    defer schema.deinit();
    const object = schema.value.object;
    try std.testing.expectEqual(false, object.get("additionalProperties").?.bool);
    try std.testing.expectEqualStrings("price-min", object.get("required").?.array.items[0].string);
    try std.testing.expectEqual(1, object.get("required").?.array.items.len);
    const properties = object.get("properties").?.object;
    try std.testing.expectEqualStrings("The least price.", properties.get("price-min").?.object.get("description").?.string);
    try std.testing.expectEqualStrings("very-loose", properties.get("mode").?.object.get("enum").?.array.items[1].string);
    try std.testing.expectEqual(0.5, properties.get("share").?.object.get("default").?.float);
    try std.testing.expectEqualStrings("strict", properties.get("mode").?.object.get("default").?.string);
    try std.testing.expectEqual(null, properties.get("limits").?.object.get("default"));
    try std.testing.expectEqual(6, properties.count());
}
