"""Operators of Weir on Apache Spark: the component that runs in a pipeline runs over a DataFrame, in batch jobs and in streams.

    import weir.spark

    classified = weir.spark.transform(flights, "classify.wasm", config={"late-after": 15})

Columns go into the component and out of it as they are, without a Python object per row. Only operators that keep nothing between rows run
here; what keeps state needs a job of Weir, or of Weir on Flink.
"""

from ._library import WeirError
from ._operator import Operator
from ._transform import transform

__all__ = ["Operator", "WeirError", "transform"]
