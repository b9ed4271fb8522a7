"""The records of the contract, from the generated bindings.

In a component they are those that `componentize-py` puts into it; natively those that are kept in `_bindings`.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def _import_bindings() -> tuple[Any, Any]:
    from componentize_py_types import Err  # type: ignore[import-not-found, unused-ignore]
    from wit_world.imports import types  # type: ignore[import-not-found, unused-ignore]

    return types, Err


try:
    types, Err = _import_bindings()
    IN_COMPONENT = True
except ImportError:
    import typing

    _folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_bindings")
    if not hasattr(typing, "Self"):  # Python 3.10, which the bindings import it from
        typing.Self = typing.Any  # type: ignore[assignment]
    sys.path.insert(0, _folder)
    try:
        types, Err = _import_bindings()
    finally:
        sys.path.remove(_folder)
    IN_COMPONENT = False


def _optional(name: str) -> Any:
    """A module of the bindings; `None` if the component's world does not have it."""
    import importlib

    if not IN_COMPONENT:
        sys.path.insert(0, _folder)
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
    finally:
        if not IN_COMPONENT:
            sys.path.remove(_folder)


transform: Any = _optional("wit_world.exports.transform")
keyed: Any = _optional("wit_world.exports.keyed")
aggregate: Any = _optional("wit_world.exports.aggregate")
host_log: Any = _optional("wit_world.imports.log") if IN_COMPONENT else None
host_metrics: Any = _optional("wit_world.imports.metrics") if IN_COMPONENT else None
maps: Any = _optional("wit_world.imports.maps")

Delta: Any = types.Delta
Field: Any = types.Field
KeptColumn: Any = types.KeptColumn
MapLayout: Any = types.MapLayout
Node: Any = types.Node
OperatorInfo: Any = types.OperatorInfo
Output: Any = types.Output
OutputColumn_Computed: Any = types.OutputColumn_Computed
OutputColumn_Kept: Any = types.OutputColumn_Kept
Plan: Any = types.Plan
RowFailure: Any = types.RowFailure
Selection_All: Any = types.Selection_All
Selection_Empty: Any = types.Selection_Empty
Selection_Indices: Any = types.Selection_Indices
StateLayout: Any = types.StateLayout
States: Any = types.States
Batch: Any = types.Batch
Input: Any = types.Input
ChangelogMode: Any = types.ChangelogMode
