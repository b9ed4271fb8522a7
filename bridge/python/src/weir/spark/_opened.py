"""A component with all that a worker of Spark needs to run it. It knows no DataFrame."""

import functools
import json
import os
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ._keyed_operator import KeyedOperator
from ._library import WeirError
from ._operator import Operator


@dataclass(frozen=True)
class Component:
    """The bytes of a component, and how it is run; it goes to the workers with the task."""

    code: bytes = field(repr=False)
    options: dict[str, Any]
    output: str
    """Which output is taken."""
    processing_timers: bool = False
    """Of one with keys, in a stream: whether Spark has it called by the clock."""

    @staticmethod
    def read(
        component: str | os.PathLike[str] | bytes, options: Mapping[str, Any], output: str, processing_timers: bool = False
    ) -> "Component":
        """Of a file, or of bytes."""
        if isinstance(component, bytes):
            return Component(component, {"name": "operator", **options}, output, processing_timers)
        path = pathlib.Path(component)
        try:
            return Component(path.read_bytes(), {"name": path.stem, **options}, output, processing_timers)
        except OSError as error:
            raise WeirError(f"cannot read the component {path}: {error.strerror}") from error

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """The columns of the output for rows with these; this also checks that all fits."""
        outputs = _new(self.code, schema, self.options).outputs
        if self.output not in outputs:
            hint = "; with on_error=\"dead-letter\" it has that one" if self.output == "dead-letter" else ""
            raise WeirError(f"{self.options['name']} has no output {self.output!r}; it has {', '.join(outputs)}{hint}")
        return outputs[self.output]

    def opened(self, schema: pa.Schema) -> Operator:
        """The operator, which this process keeps: a worker of Spark has the same one for many tasks."""
        return _kept(self.code, schema.serialize().to_pybytes(), json.dumps(self.options, sort_keys=True))

    def opened_keyed(self, schema: pa.Schema) -> KeyedOperator:
        """As :meth:`opened`, of a component with keys."""
        operator = self.opened(schema)
        assert isinstance(operator, KeyedOperator)
        return operator

    def of_output(self, emitted: dict[str, list[pa.RecordBatch]]) -> list[pa.RecordBatch]:
        """The rows of the output."""
        return emitted.get(self.output, [])


@functools.lru_cache(maxsize=8)
def _kept(code: bytes, schema: bytes, options: str) -> Operator:
    return _new(code, pa.ipc.read_schema(pa.py_buffer(schema)), json.loads(options))


def _new(code: bytes, schema: pa.Schema, options: Mapping[str, Any]) -> Operator:
    return (KeyedOperator if "keys" in options else Operator)(code, schema, **options)
