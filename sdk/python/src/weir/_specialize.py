"""Makes an author's function cheaper to call without changing what it does: once, when its class is declared.

Two things cost more than most functions themselves: making an object of each row, and calling a class with keywords. So a row whose
fields are only read is handed over as these fields, and `Row(price=x)` becomes `Row(x)` where that means the same. File, lines and
globals stay those of the author. Where anything is unusual, the function stays as it is.
"""

from __future__ import annotations

import ast
import dataclasses
import linecache
import types
from typing import Any

from ._rows import RowType

# They see the names of a function's variables.
_REFLECTION = {"locals", "vars", "eval", "exec", "dir", "super"}


def specialize(function: Any, at_row: int | None, row: RowType | None) -> tuple[Any, list[str] | None]:
    """The function, and the fields of the row that it takes in the place of the row's parameter, which is at `at_row`; `None`: the row."""
    try:
        tree = _tree_of(function)
        if tree is None:
            return function, None
        fields = _fields_used(tree, at_row, row)
        if fields is not None and at_row is not None:
            _replace_row(tree, at_row, fields)
        _Positional(function).visit(tree)
        return _compiled(tree, function), fields
    except (OSError, TypeError, ValueError, SyntaxError, RecursionError):
        return function, None


def is_plain(cls: Any) -> bool:
    """Whether an object of a dataclass is nothing but its fields, which its class sets as they are given."""
    fields = dataclasses.fields(cls)
    return (
        type(cls) is type
        and cls.__mro__[1:] == (object,)
        # Generated code has no file. A frozen class cannot have a __setattr__ of its own.
        and getattr(getattr(cls.__init__, "__code__", None), "co_filename", None) == "<string>"
        and (cls.__setattr__ is object.__setattr__ or cls.__dataclass_params__.frozen)
        and not hasattr(cls, "__post_init__")
        and cls.__new__ is object.__new__
        and cls.__getattribute__ is object.__getattribute__
        and not hasattr(cls, "__getattr__")
        and all(field.init and not getattr(field, "kw_only", False) for field in fields)
        and not any(isinstance(vars(cls).get(field.name), property) for field in fields)
    )


def _tree_of(function: Any) -> ast.FunctionDef | None:
    if not isinstance(function, types.FunctionType) or function.__closure__ or function.__defaults__ or function.__kwdefaults__:
        return None
    code = function.__code__
    lines = linecache.getlines(code.co_filename)
    if not lines:
        return None
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first == code.co_firstlineno:
                return node if _is_usual(node) else None
    return None


def _is_usual(tree: ast.FunctionDef) -> bool:
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name in _REFLECTION or (name.startswith("__") and not name.endswith("__")):
            return False
    return not tree.args.vararg and not tree.args.kwarg and not tree.args.kwonlyargs


def _fields_used(tree: ast.FunctionDef, at_row: int | None, row: RowType | None) -> list[str] | None:
    """The fields of the row that the function reads; `None`: it does something else with the row."""
    if at_row is None or row is None or not is_plain(row.cls):
        return None
    parameters = [*tree.args.posonlyargs, *tree.args.args]
    name = parameters[at_row].arg
    used: list[str] = []
    reads = 0
    for node in ast.walk(ast.Module(tree.body, [])):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name:
            if not isinstance(node.ctx, ast.Load) or node.attr not in row.reads:
                return None
            reads += 1
            if node.attr not in used:
                used.append(node.attr)
    mentions = 0
    for node in ast.walk(ast.Module(tree.body, [])):
        for field, value in ast.iter_fields(node):
            if isinstance(node, (ast.Attribute, ast.keyword)) and field in ("attr", "arg"):
                continue
            mentions += value == name if isinstance(value, str) and not isinstance(node, ast.Constant) else 0
            mentions += name in value if isinstance(value, list) and all(isinstance(item, str) for item in value) else 0
    taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {parameter.arg for parameter in parameters}
    if mentions != reads or any(_variable(name, field) in taken for field in used):
        return None
    return used


def _variable(name: str, field: str) -> str:
    return f"{name}__{field}"


def _replace_row(tree: ast.FunctionDef, at_row: int, fields: list[str]) -> None:
    arguments = tree.args
    parameters = [*arguments.posonlyargs, *arguments.args]
    name = parameters[at_row].arg
    of_fields = [ast.arg(_variable(name, field), None, lineno=tree.lineno, col_offset=0) for field in fields]
    arguments.posonlyargs, arguments.args = [], [*parameters[:at_row], *of_fields, *parameters[at_row + 1 :]]

    class Fields(ast.NodeTransformer):
        def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
            if isinstance(node.value, ast.Name) and node.value.id == name:
                return ast.copy_location(ast.Name(_variable(name, node.attr), node.ctx), node)
            return self.generic_visit(node)

    tree.body = [Fields().visit(statement) for statement in tree.body]


class _Positional(ast.NodeTransformer):
    """Calls of row classes without keywords."""

    def __init__(self, function: Any) -> None:
        self.globals: dict[str, Any] = function.__globals__
        code = function.__code__
        self.locals = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not node.keywords or not isinstance(node.func, ast.Name) or node.func.id in self.locals:
            return node
        cls = self.globals.get(node.func.id)
        if not isinstance(cls, type) or not dataclasses.is_dataclass(cls) or not is_plain(cls):
            return node
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            return node
        names = [field.name for field in dataclasses.fields(cls)][len(node.args) :]
        if [keyword.arg for keyword in node.keywords] == names[: len(node.keywords)]:
            node.args += [keyword.value for keyword in node.keywords]
            node.keywords = []
        return node


def _compiled(tree: ast.FunctionDef, function: Any) -> Any:
    tree.decorator_list = []
    tree.returns = None
    for argument in tree.args.args:
        argument.annotation = None
    module = ast.fix_missing_locations(ast.Module([tree], []))
    flags = function.__code__.co_flags & _future_flags()
    code = compile(module, function.__code__.co_filename, "exec", flags=flags, dont_inherit=True)
    own = next(const for const in code.co_consts if isinstance(const, types.CodeType) and const.co_name == tree.name)
    if own.co_freevars:
        raise ValueError("a function with variables of another")
    made = types.FunctionType(own, function.__globals__, function.__name__)
    made.__qualname__ = function.__qualname__
    return made


def _future_flags() -> int:
    import __future__

    return __future__.annotations.compiler_flag
