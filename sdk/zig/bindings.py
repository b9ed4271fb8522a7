#!/usr/bin/env python3
"""Makes bindings/operator.zig of the contract: `python3 bindings.py [--check]`, with Python 3.10 or newer.

Values in memory are `extern` structs, whose layout is that of the component model's canonical ABI. An exported interface gets
functions that put flat parameters together to such structs, an imported one functions that take them apart. It knows the part
of WIT that the contract uses, and stops at anything else.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
WIT = HERE.parent.parent / "wit"
TARGET = HERE / "bindings" / "operator.zig"
FLAT_PARAMETERS_MAX = 16
RESERVED = {"error"}

HEAD = '''//! The contract's types and functions. Made by bindings.py of the files in wit/: do not edit.

/// A list as the canonical ABI has it in memory. An empty one may have any pointer.
pub fn List(comptime T: type) type {
    return extern struct {
        ptr: [*]const T,
        len: usize,

        pub const empty: @This() = .of(&.{});

        pub fn of(items: []const T) @This() {
            return .{ .ptr = items.ptr, .len = items.len };
        }

        pub fn slice(self: @This()) []const T {
            return if (self.len == 0) &.{} else self.ptr[0..self.len];
        }
    };
}

pub const String = List(u8);

pub fn Option(comptime T: type) type {
    return extern struct {
        is_some: bool,
        value: T,

        pub const none: @This() = .{ .is_some = false, .value = undefined };

        pub fn some(value: T) @This() {
            return .{ .is_some = true, .value = value };
        }
    };
}

pub fn Result(comptime T: type) type {
    return extern struct {
        is_error: bool,
        payload: extern union { ok: T, message: String },

        pub fn ok(value: T) @This() {
            return .{ .is_error = false, .payload = .{ .ok = value } };
        }

        pub fn err(message: []const u8) @This() {
            return .{ .is_error = true, .payload = .{ .message = .of(message) } };
        }
    };
}
'''

PRIMITIVES = {"u8": "u8", "u32": "u32", "u64": "u64", "s64": "i64", "f64": "f64", "bool": "bool", "string": "String"}


def fail(what):
    sys.exit(f"bindings.py does not know {what}: extend it")


class Parser:
    """A recursive descent over the tokens of all files."""

    def __init__(self, text):
        self.tokens = re.findall(r"///[^\n]*|->|[\w%-]+(?:(?::(?=\w)|[/@])[\w.@/-]+)?|[^\s\w]", re.sub(r"(?<!/)//(?!/)[^\n]*", "", text))
        self.docs = []

    def peek(self):
        while self.tokens and self.tokens[0].startswith("///"):
            self.docs.append(self.tokens.pop(0))
        return self.tokens[0] if self.tokens else None

    def next(self, *expected):
        token = self.peek()
        if expected and token not in expected:
            fail(f"{token!r} where there is {' or '.join(expected)}")
        return self.tokens.pop(0)

    def take_docs(self):
        self.peek()
        docs, self.docs = self.docs, []
        return docs

    def entries(self, entry, close="}"):
        found = []
        while self.peek() != close:
            found.append(entry())
            if self.peek() == ",":
                self.next()
        self.next(close)
        self.docs = []
        return found

    def type(self):
        name = self.next()
        if self.peek() != "<":
            return (name,)
        self.next("<")
        return (name, *self.entries(self.type, ">"))

    def named(self):
        docs, name = self.take_docs(), self.next()
        self.next(":")
        return (docs, name, self.type())

    def case(self):
        docs, name, payload = self.take_docs(), self.next(), None
        if self.peek() == "(":
            self.next("(")
            payload = self.type()
            self.next(")")
        return (docs, name, payload)

    def item(self):
        docs, word = self.take_docs(), self.next()
        if word == "use":
            while self.next() != ";":
                pass
            return None
        if word == "type":
            name = self.next()
            self.next("=")
            of = self.type()
            self.next(";")
            return ("type", docs, name, of)
        if word in ("record", "enum", "variant"):
            name = self.next()
            self.next("{")
            return (word, docs, name, self.entries(self.named if word == "record" else self.case))
        self.next(":")
        self.next("func")
        self.next("(")
        parameters, result = self.entries(self.named, ")"), None
        if self.peek() == "->":
            self.next()
            result = self.type()
        self.next(";")
        return ("func", docs, word, parameters, result)

    def document(self):
        package, interfaces, imports, exports = None, {}, set(), []
        while self.peek():
            docs, word = self.take_docs(), self.next()
            name = self.next()
            if word == "package":
                package = name
                self.next(";")
            elif word == "interface":
                self.next("{")
                interfaces[name] = (docs, [item for item in self.entries(self.item) if item])
            elif word == "world":
                self.next("{")
                while self.peek() != "}":
                    direction, interface = self.next("import", "export"), self.next()
                    self.next(";")
                    imports.add(interface) if direction == "import" else exports.append(interface)
                self.next("}")
            else:
                fail(word)
        return package, interfaces, imports, exports


def pascal(name):
    return "".join(word.capitalize() for word in name.split("-"))


def camel(name):
    return pascal(name)[0].lower() + pascal(name)[1:]


def snake(name):
    name = name.strip("%").replace("-", "_")
    return f'@"{name}"' if name in RESERVED else name


class Bindings:
    def __init__(self, package, interfaces, imports, exports):
        self.package, self.version = package.split("@")
        self.interfaces, self.imports, self.exports = interfaces, imports, exports
        self.types = {item[2]: item for _, items in interfaces.values() for item in items if item[0] != "func"}
        self.home = {item[2]: name for name, (_, items) in interfaces.items() for item in items if item[0] != "func"}

    def render(self):
        parts = [HEAD]
        for name, (docs, items) in sorted(self.interfaces.items(), key=lambda entry: (entry[0] != "types", entry[0])):
            lines = [*docs, f"pub const {snake(name)} = struct {{"]
            self.inside = name
            for item in items:
                if item[0] != "func":
                    lines += indented(self.declaration(item)) + [""]
            functions = [item for item in items if item[0] == "func"]
            if name in self.exports:
                lines += indented(self.exporting(name, functions)) + [""]
            elif name in self.imports:
                lines += indented(line for function in functions for line in [*self.importing(name, function), ""])
            while lines[-1] == "":
                lines.pop()
            parts.append("\n".join([*lines, "};", ""]))
        return "\n".join(parts)

    def zig(self, of):
        name, arguments = of[0], of[1:]
        if name in PRIMITIVES:
            return PRIMITIVES[name]
        if name == "list":
            return f"List({self.zig(arguments[0])})"
        if name == "option":
            return f"Option({self.zig(arguments[0])})"
        if name == "result" and arguments[1:] == (("string",),):
            return f"Result({self.zig(arguments[0])})"
        if name not in self.types:
            fail(f"the type {of}")
        home = self.home[name]
        return pascal(name) if home == self.inside else f"{home}.{pascal(name)}"

    def declaration(self, item):
        word, docs, name, body = item
        if word == "type":
            return [*docs, f"pub const {pascal(name)} = {self.zig(body)};"]
        if word == "record":
            fields = [line for docs, field, of in body for line in [*docs, f"{snake(field)}: {self.zig(of)},"]]
            return [*docs, f"pub const {pascal(name)} = extern struct {{", *indented(fields), "};"]
        cases = [line for docs, case, _ in body for line in [*docs, f"{snake(case)},"]]
        if word == "enum":
            return [*docs, f"pub const {pascal(name)} = enum(u8) {{", *indented(cases), "};"]
        payloads = [f"{snake(case)}: {self.zig(of)}" for _, case, of in body if of]
        fields = [
            "tag: Tag,",
            f"payload: extern union {{ {', '.join(payloads)} }} = undefined,",
            "",
            "pub const Tag = enum(u8) {",
            *indented(cases),
            "};",
        ]
        return [*docs, f"pub const {pascal(name)} = extern struct {{", *indented(fields), "};"]

    def flat(self, of, name, path):
        """The core parameters of a value, as (name, type, expression that takes it out of the value), and the value made of them."""
        kind, arguments = of[0], of[1:]
        if kind in ("u32", "u64", "f64", "s64"):
            return [(name, PRIMITIVES[kind], path)], name
        if kind in ("list", "string"):
            item = "u8" if kind == "string" else self.zig(arguments[0])
            parts = [(f"{name}_ptr", f"[*]const {item}", f"{path}.ptr"), (f"{name}_len", "usize", f"{path}.len")]
            return parts, f".{{ .ptr = {name}_ptr, .len = {name}_len }}"
        if kind == "option":
            inner, value = self.flat(arguments[0], name, f"{path}.value")
            return [(f"{name}_is_some", "bool", f"{path}.is_some"), *inner], f".{{ .is_some = {name}_is_some, .value = {value} }}"
        if kind not in self.types:
            fail(f"the parameter {of}")
        word, _, _, body = self.types[kind]
        if word == "type":
            return self.flat(body, name, path)
        if word == "enum":
            return [(name, "u32", f"@backingInt({path})")], f"@fromBackingInt({name})"
        if word == "record":
            flat, values = [], []
            for _, field, of_field in body:
                parts, value = self.flat(of_field, f"{name}_{snake(field)}", f"{path}.{snake(field)}")
                flat += parts
                values.append(f".{snake(field)} = {value}")
            return flat, f".{{ {', '.join(values)} }}"
        payloads = {of for _, _, of in body if of}
        if len(payloads) != 1:
            fail(f"the parameter {of} with payloads of several types")
        some = snake(next(case for _, case, of in body if of))
        without = " or ".join(f"{path}.tag == .{snake(case)}" for _, case, of in body if not of)
        parts, _ = self.flat(payloads.pop(), name, f"{name}_payload")
        inner = [(n, t, f"if ({without}) {'0' if t == 'usize' else 'undefined'} else {e.replace(f'{name}_payload', f'{path}.payload.{some}')}") for n, t, e in parts]
        return [(f"{name}_tag", "u32", f"@backingInt({path}.tag)"), *inner], None

    def exporting(self, interface, functions):
        lines = [
            "/// Exports the interface. `I` has its functions with the types of `Function`, and `postReturn`, which is called when the",
            "/// host has read an answer.",
            "pub fn exportAs(comptime I: type) void {",
            "    const exports = struct {",
        ]
        names = []
        for _, _, name, parameters, result in functions:
            flats = [self.flat(of, snake(parameter), snake(parameter)) for _, parameter, of in parameters]
            flat = [part for parts, _ in flats for part in parts]
            arguments = ", ".join(value for _, value in flats)
            signature = ", ".join(f"{n}: {t}" for n, t, _ in flat)
            if len(flat) > FLAT_PARAMETERS_MAX:
                fields = ", ".join(f"{snake(parameter)}: {self.zig(of)}" for _, parameter, of in parameters)
                signature = f"all: *const extern struct {{ {fields} }}"
                arguments = ", ".join(f"all.{snake(parameter)}" for _, parameter, _ in parameters)
            of = self.zig(result)
            lines += [
                f"        var {snake(name)}_answer: {of} = undefined;",
                f"        fn {camel(name)}({signature}) callconv(.c) *const {of} {{",
                f"            {snake(name)}_answer = I.{camel(name)}({arguments});",
                f"            return &{snake(name)}_answer;",
                "        }",
            ]
            names.append(name)
        lines.append("        fn postReturn(_: *const anyopaque) callconv(.c) void {")
        lines += ["            I.postReturn();", "        }", "    };"]
        for name in names:
            full = f"{self.package}/{interface}@{self.version}#{name}"
            lines.append(f'    @export(&exports.{camel(name)}, .{{ .name = "{full}" }});')
            lines.append(f'    @export(&exports.postReturn, .{{ .name = "cabi_post_{full}" }});')
        return [*lines, "}"]

    def importing(self, interface, function):
        _, docs, name, parameters, result = function
        flat = [p for _, parameter, of in parameters for p in self.flat(of, snake(parameter), snake(parameter))[0]]
        signature = ", ".join(f"{snake(parameter)}: {self.zig(of)}" for _, parameter, of in parameters)
        core = ", ".join([f"{n}: {t}" for n, t, _ in flat] + ([f"answer: *{self.zig(result)}"] if result else []))
        values = [value for _, _, value in flat]
        module = f"{self.package}/{interface}@{self.version}"
        lines = [
            *docs,
            f"pub fn {camel(name)}({signature}) {self.zig(result) if result else 'void'} {{",
            "    const core = struct {",
            f'        extern "{module}" fn {snake(name)}({core}) void;',
            "    };",
        ]
        if result:
            lines += [
                f"    var answer: {self.zig(result)} = undefined;",
                f'    core.{snake(name)}({", ".join([*values, "&answer"])});',
                "    return answer;",
            ]
        else:
            lines.append(f'    core.{snake(name)}({", ".join(values)});')
        return [*lines, "}"]


def indented(lines):
    return [f"    {line}" if line else "" for line in lines]


def main():
    text = "\n".join(path.read_text() for path in sorted(WIT.glob("*.wit")))
    rendered = Bindings(*Parser(text).document()).render()
    if sys.argv[1:] == ["--check"]:
        if not TARGET.exists() or TARGET.read_text() != rendered:
            sys.exit(f"{TARGET} is not what wit/ says: run python3 {pathlib.Path(__file__).name}")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(rendered)


if __name__ == "__main__":
    main()
