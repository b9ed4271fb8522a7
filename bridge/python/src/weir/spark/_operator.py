"""An operator over record batches of pyarrow: for the workers of Spark, and for other programs that have such batches."""

import ctypes
import json
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from ._library import WeirError, failure, library

# Bytes of the structures of Arrow's C data interface, and some more.
_SCHEMA_BYTES = 72
_ARRAY_BYTES = 80


class Structures:
    """Room for an array and its schema, to be filled by one side and taken by the other."""

    def __init__(self) -> None:
        self._schema = ctypes.create_string_buffer(_SCHEMA_BYTES)
        self._array = ctypes.create_string_buffer(_ARRAY_BYTES)
        self.schema = ctypes.addressof(self._schema)
        self.array = ctypes.addressof(self._array)


class Operator:
    """A component, opened for rows with the columns of ``schema``.

    ``config`` is handed to the component. ``on_error`` says what happens to a row that it refuses or that makes it trap: ``"fail"``,
    ``"skip"``, or ``"dead-letter"``, which gives it out of the output ``dead-letter`` with the reason in a column ``error``. ``event_time``
    names the column with the time of a row. ``limits`` are those of an operator in a pipeline file.

    Raises :class:`WeirError` if the component cannot run over these columns.
    """

    def __init__(
        self,
        component: bytes,
        schema: pa.Schema,
        *,
        name: str = "operator",
        config: Mapping[str, Any] | None = None,
        on_error: str = "fail",
        event_time: str | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        options = {"name": name, "config": config, "on-error": on_error, "event-time": event_time, "limits": limits}
        self._open(component, schema, options)

    def _open(self, component: bytes, schema: pa.Schema, options: Mapping[str, Any]) -> None:
        text = json.dumps({option: _checked(option, value) for option, value in options.items() if value is not None})
        told = Structures()
        schema._export_to_c(told.schema)
        self._number = library().weir_operator_open(component, len(component), text.encode(), told.schema)
        if self._number < 0:
            raise failure()
        self._close = weakref.finalize(self, library().weir_operator_close, self._number)
        self.outputs: dict[str, pa.Schema] = dict(self._outputs())
        """The columns of each output, the main one first."""

    def _outputs(self) -> Iterator[tuple[str, pa.Schema]]:
        for output in range(library().weir_operator_outputs(self._number)):
            columns = Structures()
            name = library().weir_operator_output(self._number, output, columns.schema)
            if name is None:
                raise failure()
            yield name.decode(), pa.Schema._import_from_c(columns.schema)

    def process(self, rows: pa.RecordBatch) -> dict[str, list[pa.RecordBatch]]:
        """Processes rows. Gives the batches of each output that has some.

        Raises :class:`WeirError` if a row cannot be processed and ``on_error`` is ``"fail"``.
        """
        given = Structures()
        rows._export_to_c(given.array, given.schema)
        return self._emitted(library().weir_operator_process(self._number, given.array, given.schema))

    def _emitted(self, count: int) -> dict[str, list[pa.RecordBatch]]:
        if count < 0:
            raise failure()
        names = list(self.outputs)
        emitted: dict[str, list[pa.RecordBatch]] = {}
        for _ in range(count):
            taken = Structures()
            output = library().weir_operator_next(self._number, taken.array, taken.schema)
            if output < 0:
                raise failure()
            emitted.setdefault(names[output], []).append(pa.RecordBatch._import_from_c(taken.array, taken.schema))
        return emitted

    def close(self) -> None:
        """Lets the component go; also when nobody holds the operator any more."""
        self._close()


def _checked(name: str, value: Any) -> Any:
    """A value that JSON can say; the name of one that it cannot is in the error."""
    if isinstance(value, Mapping):
        return {key: _checked(f"{name}.{key}", inner) for key, inner in value.items()}
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise WeirError(f"{name} must be what JSON can say, and is {value!r}: {error}") from error
    return value
