"""The operators that were declared, in the order in which their modules were imported."""

from __future__ import annotations

from typing import Any

#: Operators of all kinds.
operators: list[Any] = []


def declare(operator: Any) -> Any:
    """Remembers an operator; gives back what its author declared."""
    operators.append(operator)
    operator.declared.__weir_operator__ = operator
    return operator.declared


def operator_of(declared: Any) -> Any:
    """The operator behind a decorated function or class, or behind an object of such a class."""
    from ._annotations import DeclarationError

    cls = declared if isinstance(declared, type) or callable(declared) else type(declared)
    found = getattr(cls, "__dict__", {}).get("__weir_operator__")
    if found is None:
        found = getattr(type(declared), "__dict__", {}).get("__weir_operator__")
    if found is None:
        raise DeclarationError(f"{declared!r} is no operator: it lacks @weir.transform, @weir.keyed or @weir.aggregate")
    return found
