"""Operators of Weir on Apache Spark: the component that runs in a pipeline runs over a DataFrame, in batch jobs and in streams.

    import weir.spark

    classified = weir.spark.transform(flights, "classify.wasm", config={"late-after": 15})
    leveled = weir.spark.transform_keyed(bids, "level.wasm", keys="bidder", sequence=["partition", "offset"])

Columns go into the component and out of it as they are, without a Python object per row. ``transform`` is for components that keep nothing
between rows, ``transform_keyed`` for those that keep state per key. Windows and joins need a job of Weir, or of Weir on Flink.
"""

from ._keyed_operator import Due, KeyedOperator
from ._library import WeirError
from ._operator import Operator
from ._transform import transform
from ._transform_keyed import transform_keyed

__all__ = ["Due", "KeyedOperator", "Operator", "WeirError", "transform", "transform_keyed"]
