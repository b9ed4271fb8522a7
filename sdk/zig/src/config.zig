//! The configuration of an operator: the fields of its struct, out of JSON. `late_after` is the key `late-after`.
//!
//! There are `bool`, integers and floats, texts (`[]const u8`), enums (one of some texts), slices, structs, `?T`, and defaults.
//! Unknown keys, missing keys, wrong types and numbers out of range are refused with a message that names the key.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Value = std.json.Value;
const dashed = @import("outputs.zig").dashed;
const reasonOf = @import("refuse.zig").reasonOf;
const refuse = @import("refuse.zig").refuse;

const Error = error{ Refused, OutOfMemory };

/// An operator as its configuration says; it lives as long as the arena and the text. A `validate` of the operator has the last word.
pub fn parse(comptime Op: type, arena: Allocator, json: []const u8) anyerror!Op {
    const text = if (json.len == 0) "{}" else json;
    const options: std.json.ParseOptions = .{ .parse_numbers = false, .allocate = .alloc_if_needed };
    const given = std.json.parseFromSliceLeaky(Value, arena, text, options) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        error.DuplicateField => return refuse("config: a key is there twice", .{}),
        else => return refuse("config: it is no JSON", .{}),
    };
    const operator = try structOf(Op, arena, "", if (given == .null) .{ .object = .empty } else given);
    if (@hasDecl(Op, "validate")) {
        operator.validate() catch |err| return refuse("config: {s}", .{try reasonOf(err, arena)});
    }
    return operator;
}

/// A compile error that names the field, if a struct cannot be a configuration.
pub fn checkConfig(comptime Op: type) void {
    comptime for (std.meta.fieldNames(Op)) |name| checkField(@FieldType(Op, name), @typeName(Op) ++ "." ++ name);
}

fn checkField(comptime T: type, comptime place: []const u8) void {
    switch (@typeInfo(T)) {
        .bool, .int, .float, .@"enum" => {},
        .optional => |optional| checkField(optional.child, place),
        .pointer => |pointer| if (pointer.size == .slice) checkField(pointer.child, place) else unknown(T, place),
        .@"struct" => for (std.meta.fieldNames(T)) |name| checkField(@FieldType(T, name), place ++ "." ++ name),
        else => unknown(T, place),
    }
}

fn unknown(comptime T: type, comptime place: []const u8) void {
    @compileError(place ++ ": `" ++ @typeName(T) ++ "` cannot be configured; there are " ++
        "bool, integers, floats, []const u8, enums, slices, structs, and ? before any of them");
}

fn valueOf(comptime T: type, arena: Allocator, comptime key: []const u8, given: Value) Error!T {
    switch (@typeInfo(T)) {
        .optional => |optional| return if (given == .null) null else try valueOf(optional.child, arena, key, given),
        .bool => return if (given == .bool) given.bool else wrong(key, "true or false", given),
        .int => return if (given == .number_string) integerOf(T, key, given.number_string) else wrong(key, "an integer", given),
        .float => {
            if (given != .number_string) return wrong(key, "a number", given);
            const number = std.fmt.parseFloat(T, given.number_string) catch return wrong(key, "a number", given);
            return if (std.math.isFinite(number)) number else refuse("config: `{s}`: {s} is out of range", .{ key, given.number_string });
        },
        .@"enum" => {
            if (given != .string) return wrong(key, "a text", given);
            inline for (comptime std.meta.fieldNames(T)) |name| {
                if (std.mem.eql(u8, comptime dashed(name), given.string)) return @field(T, name);
            }
            return refuse("config: `{s}` is one of {s}, not \"{s}\"", .{ key, comptime listing(T), given.string });
        },
        .pointer => |pointer| {
            if (T == []const u8) return if (given == .string) given.string else wrong(key, "a text", given);
            if (given != .array) return wrong(key, "a list", given);
            const items = try arena.alloc(pointer.child, given.array.items.len);
            for (items, given.array.items) |*item, from| item.* = try valueOf(pointer.child, arena, key ++ "[]", from);
            return items;
        },
        .@"struct" => return structOf(T, arena, key ++ ".", given),
        else => comptime unreachable,
    }
}

fn structOf(comptime T: type, arena: Allocator, comptime prefix: []const u8, given: Value) Error!T {
    if (given != .object) return wrong(if (prefix.len == 0) "" else prefix[0 .. prefix.len - 1], "a table", given);
    const names = comptime std.meta.fieldNames(T);
    var keys = given.object.iterator();
    while (keys.next()) |entry| {
        inline for (names) |name| {
            if (std.mem.eql(u8, comptime dashed(name), entry.key_ptr.*)) break;
        } else return refuse("config: unknown field `" ++ prefix ++ "{s}`, expected " ++ comptime listing(T), .{entry.key_ptr.*});
    }
    var made: T = undefined;
    inline for (names, @typeInfo(T).@"struct".field_attrs) |name, attributes| {
        const Field = @FieldType(T, name);
        const key = prefix ++ comptime dashed(name);
        @field(made, name) = if (given.object.get(comptime dashed(name))) |value|
            try valueOf(Field, arena, key, value)
        else if (comptime attributes.defaultValue(Field)) |default|
            default
        else if (@typeInfo(Field) == .optional)
            null
        else
            return refuse("config: missing field `{s}`", .{key});
    }
    return made;
}

fn integerOf(comptime T: type, comptime key: []const u8, text: []const u8) error{Refused}!T {
    if (std.json.isNumberFormattedLikeAnInteger(text)) {
        return std.fmt.parseInt(T, text, 10) catch refuse("config: `{s}`: {s} is out of range, from {d} to {d}", .{
            key, text, std.math.minInt(T), std.math.maxInt(T),
        });
    }
    return refuse("config: `{s}` is an integer, not {s}", .{ key, text });
}

fn wrong(comptime key: []const u8, comptime needs: []const u8, given: Value) error{Refused} {
    const name = if (key.len == 0) "it" else "`" ++ key ++ "`";
    return switch (given) {
        .string => |text| refuse("config: " ++ name ++ " is " ++ needs ++ ", not \"{s}\"", .{text}),
        .number_string => |text| refuse("config: " ++ name ++ " is " ++ needs ++ ", not {s}", .{text}),
        .null => refuse("config: " ++ name ++ " is " ++ needs ++ ", not null", .{}),
        .bool => |is_true| refuse("config: " ++ name ++ " is " ++ needs ++ ", not {}", .{is_true}),
        .array => refuse("config: " ++ name ++ " is " ++ needs ++ ", not a list", .{}),
        .object => refuse("config: " ++ name ++ " is " ++ needs ++ ", not a table", .{}),
        .integer, .float => unreachable, // Numbers are not parsed.
    };
}

/// The names of fields, for messages.
fn listing(comptime T: type) []const u8 {
    comptime {
        var text: []const u8 = "";
        for (std.meta.fieldNames(T)) |name| text = text ++ (if (text.len == 0) "" else ", ") ++ "`" ++ dashed(name) ++ "`";
        return if (text.len == 0) "no keys" else text;
    }
}
