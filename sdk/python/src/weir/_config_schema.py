"""The JSON Schema of a configuration, made of its dataclass: what tools show and check."""

from __future__ import annotations

import dataclasses
import enum
import json
import typing
from typing import Any

from ._annotations import ColumnType, DeclarationError, metadata, optional_of
from ._config import is_required, keys_of
from ._scalars import Int


def schema_text(cls: type | None) -> str:
    """The schema as JSON; `None`: the operator has no configuration."""
    schema = _object(cls) if cls is not None else {"type": "object", "additionalProperties": False}
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def _object(cls: type) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required = []
    for key, (field, annotation) in keys_of(cls).items():
        schema = _schema(annotation, f"{cls.__name__}.{field.name}")
        if field.default is not dataclasses.MISSING and isinstance(field.default, (bool, int, float, str)):
            schema = {**schema, "default": field.default}
        properties[key] = schema
        if is_required(field) and "null" not in _types(schema):
            required.append(key)
    made: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**made, "required": required} if required else made


def _schema(annotation: Any, where: str) -> dict[str, Any]:
    column_type = metadata(annotation, ColumnType)
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = annotation.__origin__
    inner = optional_of(annotation)
    if inner is not None:
        schema = _schema(inner, where)
        return {**schema, "type": [*_types(schema), "null"]} if "type" in schema else {"anyOf": [schema, {"type": "null"}]}
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        return {}
    if annotation is int:
        if column_type is not None and isinstance(column_type.codec, Int):
            return {"type": "integer", "minimum": column_type.codec.least, "maximum": column_type.codec.greatest}
        return {"type": "integer"}
    simple = {bool: "boolean", float: "number", str: "string"}
    if annotation in simple:
        return {"type": simple[annotation]}
    if origin in (list, tuple) and arguments:
        return {"type": "array", "items": _schema(arguments[0], where)}
    if origin is dict and len(arguments) == 2:
        return {"type": "object", "additionalProperties": _schema(arguments[1], where)}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return {"enum": [item.value for item in annotation]}
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return _object(annotation)
    raise DeclarationError(
        f"{where}: a configuration has no {annotation}; there are bool, int, float, str, list[...], dict[str, ...], "
        "Literal, Enum, dataclasses and Optional"
    )


def _types(schema: dict[str, Any]) -> Any:
    types = schema.get("type", ["null"] if "anyOf" in schema else [])
    return [types] if isinstance(types, str) else types
