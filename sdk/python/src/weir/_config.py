"""The configuration: JSON of the pipeline as a dataclass of the author's, checked key by key."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import typing
from typing import Any

from ._annotations import ColumnType, DeclarationError, Name, hints_of, metadata, optional_of
from ._scalars import Int


class ConfigError(ValueError):
    """The configuration does not fit. The message names the key."""


def parse(text: str, cls: type | None) -> Any:
    """The configuration as an object of `cls`; `None`: the operator has none."""
    try:
        value = json.loads(text, parse_constant=_no_constant) if text.strip() else {}
    except ValueError as error:
        raise ConfigError(f"config: {error}") from None
    try:
        return _object({} if value is None else value, cls, "")
    except ConfigError as error:
        raise ConfigError(f"config: {error}") from None


def key_of(field: Any, annotation: Any) -> str:
    """The key of a field: its name with dashes, if the annotation does not say otherwise."""
    named = metadata(annotation, Name)
    return named.name if named else field.name.strip("_").replace("_", "-")  # type: ignore[no-any-return]


def keys_of(cls: type) -> dict[str, Any]:
    """The fields of a configuration by key, each with its annotation."""
    hints = hints_of(cls, cls.__name__)
    fields = [field for field in dataclasses.fields(cls) if field.init]
    return {key_of(field, hints[field.name]): (field, hints[field.name]) for field in fields}


def is_required(field: Any) -> bool:
    """Whether a field has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _object(value: Any, cls: type | None, path: str) -> Any:
    if not isinstance(value, dict):
        raise ConfigError(f"{_at(path)}expected an object, got {_kind(value)}")
    fields = {} if cls is None else keys_of(cls)
    arguments: dict[str, Any] = {}
    for key, item in value.items():
        if key not in fields:
            known = [f"`{name}`" for name in fields]
            expected = "there are no fields" if not known else f"expected {'one of ' if len(known) > 1 else ''}{', '.join(known)}"
            raise ConfigError(f"{_at(path)}unknown field `{key}`, {expected}")
        field, annotation = fields[key]
        arguments[field.name] = _value(item, annotation, f"{path}.{key}" if path else key)
    for key, (field, annotation) in fields.items():
        if field.name not in arguments:
            if is_required(field):
                if optional_of(_plain(annotation)) is None:
                    raise ConfigError(f"{_at(path)}missing field `{key}`")
                arguments[field.name] = None
    if cls is None:
        return None
    try:
        return cls(**arguments)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{_at(path)}{error}") from None


def _value(value: Any, annotation: Any, path: str) -> Any:
    column_type = metadata(annotation, ColumnType)
    annotation = _plain(annotation)
    inner = optional_of(annotation)
    if inner is not None:
        return None if value is None else _value(value, inner, path)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        return value
    if annotation in (bool, str):
        if type(value) is not annotation:
            raise ConfigError(f"`{path}`: expected {'a boolean' if annotation is bool else 'a string'}, got {_kind(value)}")
        return value
    if annotation is int:
        return _integer(value, column_type, path)
    if annotation is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigError(f"`{path}`: expected a number, got {_kind(value)}")
        return _float(value, path)
    if origin in (list, tuple) and len(arguments) in (1, 2):
        if not isinstance(value, list):
            raise ConfigError(f"`{path}`: expected a list, got {_kind(value)}")
        items: list[Any] = [_value(item, arguments[0], f"{path}[{at}]") for at, item in enumerate(value)]
        return items if origin is list else tuple(items)
    if origin is dict and arguments[0] is str:
        if not isinstance(value, dict):
            raise ConfigError(f"`{path}`: expected an object, got {_kind(value)}")
        return {key: _value(item, arguments[1], f"{path}.{key}") for key, item in value.items()}
    if origin is typing.Literal:
        return _one_of(value, {str(item): item for item in arguments}, path)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _one_of(value, {str(item.value): item for item in annotation}, path)
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return _object(value, annotation, path)
    raise DeclarationError(
        f"`{path}`: a configuration has no {annotation}: there are bool, int, float, str, list, dict[str, ...], Literal, Enum, dataclasses"
    )


def _integer(value: Any, column_type: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"`{path}`: expected an integer, got {_kind(value)}")
    if column_type is not None and isinstance(column_type.codec, Int):
        codec = column_type.codec
        if not codec.least <= value <= codec.greatest:
            raise ConfigError(f"`{path}`: {value} is out of the range of {codec.name}")
    return value


def _float(value: Any, path: str) -> float:
    number = float(value) if abs(value) < 1 << 1023 else math.inf
    if math.isinf(number):
        raise ConfigError(f"`{path}`: {value} is out of the range of a float")
    return number


def _one_of(value: Any, known: dict[str, Any], path: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or str(value) not in known:
        raise ConfigError(f"`{path}`: unknown variant {json.dumps(value)}, expected one of {', '.join(f'`{name}`' for name in known)}")
    return known[str(value)]


def _plain(annotation: Any) -> Any:
    return annotation.__origin__ if typing.get_origin(annotation) is typing.Annotated else annotation


def _at(path: str) -> str:
    return f"`{path}`: " if path else ""


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", type(None): "null"}
    return names.get(type(value)) or f"{json.dumps(value)}"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
