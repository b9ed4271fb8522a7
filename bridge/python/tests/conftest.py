"""What the tests are told by their caller: the folder with examples and guests."""

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    return pathlib.Path(os.environ.get("WEIR_ROOT", pathlib.Path(__file__).parents[3]))


@pytest.fixture(scope="session")
def poison(root: pathlib.Path) -> bytes:
    return (root / "tests/guests/poison.wasm").read_bytes()
