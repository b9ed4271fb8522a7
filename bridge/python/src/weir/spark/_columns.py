"""The columns of a DataFrame as an operator has them: what it cannot have is refused here, in terms of Spark."""

from typing import TYPE_CHECKING

import pyarrow as pa

from ._library import WeirError
from ._opened import Component

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType

# Spark's names of the types that a column of an operator may have, without those within arrays and structs.
_TYPES = {
    "boolean", "byte", "short", "integer", "long", "float", "double", "string", "char", "varchar", "binary", "date", "timestamp",
    "timestamp_ntz", "decimal",
}  # fmt: skip


def arrow_schema(frame: "DataFrame", function: str) -> pa.Schema:
    """The columns of a DataFrame, as its workers have them."""
    from pyspark.sql.pandas.types import to_arrow_schema

    if not hasattr(frame, "mapInArrow"):
        raise TypeError(f"{function} takes a DataFrame of Spark, not {type(frame).__name__}")
    for field in frame.schema.fields:
        refused = _refused(field.dataType)
        if refused is not None:
            raise WeirError(
                f"column {field.name!r} is {field.dataType.simpleString()}, and operators have no type like {refused.simpleString()}: "
                f"leave it out with .drop({field.name!r}), or convert it before, for example with to_json or CAST(... AS STRING)"
            )
    return to_arrow_schema(frame.schema, timezone=_zone(frame))


def output_schema(frame: "DataFrame", runs: Component, schema: pa.Schema) -> pa.Schema:
    """The columns of what comes out of a component."""
    try:
        return runs.output_schema(schema)
    except WeirError as error:
        # Each column of times has that of the session.
        zone = _zone(frame)
        if any(pa.types.is_timestamp(of) and of.tz == zone for of in schema.types) and zone in str(error):
            raise WeirError(f"spark.sql.session.timeZone is {zone!r}: {error}") from error
        raise


def _zone(frame: "DataFrame") -> str:
    return str(frame.sparkSession.conf.get("spark.sql.session.timeZone"))


def _refused(of: "DataType") -> "DataType | None":
    """The type within a type that no operator can have."""
    from pyspark.sql.types import ArrayType, StructType

    if isinstance(of, ArrayType):
        return _refused(of.elementType)
    if isinstance(of, StructType):
        return next((refused for field in of.fields if (refused := _refused(field.dataType)) is not None), None)
    return None if of.typeName() in _TYPES else of
