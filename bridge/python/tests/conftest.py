"""What the tests are told by their caller: the folder with examples and guests. And the one Spark that they share."""

import os
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

ROCKS = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"


@pytest.fixture(scope="session")
def root() -> pathlib.Path:
    return pathlib.Path(os.environ.get("WEIR_ROOT", pathlib.Path(__file__).parents[3]))


@pytest.fixture(scope="session")
def command(root: pathlib.Path) -> pathlib.Path:
    """The command, for the results of Weir's own engine."""
    return pathlib.Path(os.environ.get("WEIR_COMMAND", root / "target/debug/weir"))


@pytest.fixture(scope="session")
def poison(root: pathlib.Path) -> bytes:
    return (root / "tests/guests/poison.wasm").read_bytes()


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    pyspark = pytest.importorskip("pyspark", minversion="4")
    builder = pyspark.sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    builder = builder.config("spark.sql.session.timeZone", "UTC").config("spark.sql.streaming.stateStore.providerClass", ROCKS)
    builder = builder.config("spark.sql.shuffle.partitions", "2").config("spark.driver.memory", "1g")
    session = builder.getOrCreate()
    yield session
    session.stop()
