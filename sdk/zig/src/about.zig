//! What an operator says of itself: a title, and a JSON Schema that is made of the type of its configuration.

const std = @import("std");
const bindings = @import("operator_bindings");
const quota = @import("value.zig").quota;
const dashed = @import("outputs.zig").dashed;

/// `pub const title` of the operator is its title, and a field of `pub const docs = .{ ... }` describes the key of its name.
pub fn about(comptime Op: type) bindings.types.OperatorInfo {
    return .{
        .title = if (@hasDecl(Op, "title")) .some(.of(Op.title)) else .none,
        .config_schema = .some(.of(comptime "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\"," ++ objectOf(Op)[1..])),
    };
}

fn schemaOf(comptime T: type) []const u8 {
    return switch (@typeInfo(T)) {
        .bool => "{\"type\":\"boolean\"}",
        .int => std.fmt.comptimePrint("{{\"type\":\"integer\",\"minimum\":{d},\"maximum\":{d}}}", .{ std.math.minInt(T), std.math.maxInt(T) }),
        .float => "{\"type\":\"number\"}",
        .optional => |optional| "{\"anyOf\":[" ++ schemaOf(optional.child) ++ ",{\"type\":\"null\"}]}",
        .pointer => |pointer| if (T == []const u8) "{\"type\":\"string\"}" else "{\"type\":\"array\",\"items\":" ++ schemaOf(pointer.child) ++ "}",
        .@"enum" => "{\"enum\":[" ++ joined(std.meta.fieldNames(T)) ++ "]}",
        .@"struct" => objectOf(T),
        else => @compileError(@typeName(T) ++ " cannot be configured"),
    };
}

fn objectOf(comptime T: type) []const u8 {
    @setEvalBranchQuota(quota);
    var properties: []const u8 = "";
    var required: []const [:0]const u8 = &.{};
    for (std.meta.fieldNames(T), @typeInfo(T).@"struct".field_attrs) |name, attributes| {
        const Field = @FieldType(T, name);
        var schema = schemaOf(Field);
        if (@hasDecl(T, "docs") and @hasField(@TypeOf(T.docs), name))
            schema = "{\"description\":" ++ quoted(@field(T.docs, name)) ++ "," ++ schema[1..];
        if (attributes.defaultValue(Field)) |default| {
            if (jsonOf(Field, default)) |json| schema = "{\"default\":" ++ json ++ "," ++ schema[1..];
        }
        properties = properties ++ (if (properties.len == 0) "" else ",") ++ quoted(dashed(name)) ++ ":" ++ schema;
        if (attributes.default_value_ptr == null and @typeInfo(Field) != .optional) required = required ++ .{name};
    }
    return "{\"type\":\"object\",\"properties\":{" ++ properties ++ "},\"required\":[" ++ joined(required) ++ "],\"additionalProperties\":false}";
}

/// A default as JSON; null: it is not shown.
fn jsonOf(comptime T: type, comptime default: T) ?[]const u8 {
    return switch (@typeInfo(T)) {
        .bool => if (default) "true" else "false",
        .int => std.fmt.comptimePrint("{d}", .{default}),
        .float => if (std.math.isFinite(default)) std.fmt.comptimePrint("{d}", .{default}) else null,
        .@"enum" => quoted(dashed(@tagName(default))),
        .pointer => if (T == []const u8) quoted(default) else null,
        .optional => |optional| if (default) |given| jsonOf(optional.child, given) else null,
        else => null,
    };
}

fn joined(names: []const [:0]const u8) []const u8 {
    var text: []const u8 = "";
    for (names) |name| text = text ++ (if (text.len == 0) "" else ",") ++ quoted(dashed(name));
    return text;
}

/// A text as JSON has it.
fn quoted(comptime text: []const u8) []const u8 {
    var json: []const u8 = "\"";
    for (text) |byte| json = json ++ switch (byte) {
        '"', '\\' => .{ '\\', byte },
        0...0x1f => std.fmt.comptimePrint("\\u{x:0>4}", .{byte}),
        else => .{byte},
    };
    return json ++ "\"";
}
