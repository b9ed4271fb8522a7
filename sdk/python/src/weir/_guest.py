"""The component's side of the boundary: what the three worlds export, over the operator that was declared. In a component only."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

from wit_world import exports  # type: ignore[import-not-found, unused-ignore]

from . import _config, _config_schema, _sandbox, _telemetry, _wire
from ._annotations import DeclarationError
from ._errors import place_of, reason_of
from ._registry import operators

# Nothing can be imported once a component runs.
_LATER = (_config, _config_schema)


class _Component:
    operator: Any = None
    connected: Any = None
    # The last answer: the host reads its bytes after the call has returned (see build/_returns.py).
    answer: Any = None


def load(module: str, name: str | None) -> None:
    """Imports the module of the operator, and takes the operator of this name, or the only one."""
    _sandbox.prepare()
    importlib.import_module(module)
    _Component.operator = next(o for o in operators if name is None or o.name == name)


def _guarded(call: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: Any, *arguments: Any) -> Any:
        _telemetry.call_begins()
        try:
            _Component.answer = call(self, *arguments)
            return _Component.answer
        except _wire.Err:
            raise
        except MemoryError:
            # Nothing works in this instance any more: the host takes another one, and calls it with parts of the batch.
            os.abort()
        except BaseException as error:
            raise _wire.Err(reason_of(error)) from None

    return guarded


class _Described:
    def about(self) -> Any:
        _sandbox.close()
        return _Component.operator.about()

    def describe(self, config: str, inputs: Any) -> Any:
        _sandbox.close()
        _telemetry.call_begins()
        try:
            operator = _Component.operator
            _Component.connected = operator.connect(operator.configured(config), inputs)
            return _Component.connected.plan
        except BaseException as error:
            ours = isinstance(error, (ValueError, DeclarationError)) and place_of(error) is None
            raise _wire.Err(str(error) if ours else reason_of(error)) from None


def _connected() -> Any:
    if _Component.connected is None:
        raise _wire.Err("describe must be called before anything else")
    return _Component.connected


if _wire.transform is not None:

    class Transform(_Described, exports.Transform):
        """What a transform exports."""

        @_guarded
        def process(self, input: int, rows: Any) -> Any:
            return _connected().process(input, rows)


if _wire.keyed is not None:

    class Keyed(_Described, exports.Keyed):
        """What a keyed operator exports."""

        @_guarded
        def process(self, input: int, rows: Any, key_of_row: bytes, states: Any, now: Any) -> Any:
            return _connected().process(input, rows, key_of_row, states, now)

        @_guarded
        def on_timer(self, due: Any, keys: Any, states: Any, now: Any) -> Any:
            return _connected().on_timer(due, keys, states, now)

        @_guarded
        def migrate(self, from_version: int, layout: Any, states: Any) -> Any:
            return _connected().migrate(from_version, layout, states)


if _wire.aggregate is not None:

    class Aggregate(_Described, exports.Aggregate):
        """What an aggregate exports."""

        @_guarded
        def accumulate(self, rows: Any, group_of_row: bytes, accumulators: Any) -> Any:
            return _connected().accumulate(rows, group_of_row, accumulators)

        @_guarded
        def merge(self, left: Any, right: Any) -> Any:
            return _connected().merge(left, right)

        @_guarded
        def finish(self, accumulators: Any) -> Any:
            return _connected().finish(accumulators)
