"""Loads the samples, each of which is a module `main` in a folder of its own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SDK = Path(__file__).resolve().parent.parent


def load(path: Path, name: str) -> ModuleType:
    """A module from its file."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def types() -> ModuleType:
    return load(SDK / "samples" / "types" / "main.py", "sample_types")


@pytest.fixture(scope="session")
def counter() -> ModuleType:
    return load(SDK / "samples" / "counter" / "main.py", "sample_counter")


@pytest.fixture(scope="session")
def average() -> ModuleType:
    return load(SDK / "samples" / "average" / "main.py", "sample_average")
