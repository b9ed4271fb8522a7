"""Runs operators natively, over rows, through the code that runs in the component: rows become columns, the operator gets those that it
reads, and its answer is applied as the host applies it.

    results = testing.transform(HighBids(price_min=100), [Bid(99), Bid(250)])
    assert results.main() == [{"price": 250, "price_with_tax": 300}]
"""

from __future__ import annotations

from ._aggregate import aggregate
from ._keyed import KeyedHarness
from ._results import CallFailed, Results
from ._transform import configured, log_lines, metrics, transform

__all__ = ["CallFailed", "KeyedHarness", "Results", "aggregate", "configured", "log_lines", "metrics", "transform"]
