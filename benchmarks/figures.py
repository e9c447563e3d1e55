"""Figures of several runs as they stand in the tables of results."""

import statistics
from collections.abc import Sequence

__all__ = ["spread", "value_range"]


def spread(values: Sequence[float], sign: str = "") -> str:
    """The mean, with the sample standard deviation where there are several values; `sign` may be "+"."""
    deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):{sign}.2f}{deviation}"


def value_range(values: Sequence[float]) -> str:
    """The smallest and the largest value without decimals, or the one if both are the same."""
    low, high = f"{min(values):.0f}", f"{max(values):.0f}"
    return low if low == high else f"{low} to {high}"
