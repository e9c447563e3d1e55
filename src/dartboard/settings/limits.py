"""Settings of what the trained network may cost, with numbers as people write them: 1M, 50M, 5ms."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from dartboard.config import Settings

__all__ = ["LimitSettings"]

_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_AMOUNT = re.compile(r"([-+]?(?:\d[\d_,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([a-z]*)", re.IGNORECASE)
Amount = Annotated[int, Field(gt=0)]


class LimitSettings(Settings):
    """What the trained network may cost. Each limit holds for whatever is found, trained or compared."""

    params: Amount | None = None
    """The most learned numbers, also as "300k", "1M" or "1.5M"; null: no limit."""

    macs: Amount | None = None
    """The most multiply-adds for one image, also as "50M" or "1.5G"; null: no limit."""

    latency: Annotated[float, Field(gt=0)] | None = None
    """The most seconds that the network may take for a batch on this machine, also as "5ms" or "0.005s"; the median of
    warm runs. null: no limit."""

    latency_batch: Amount = 1
    """Images of the batch that `latency` is about."""

    width: Literal["narrower", "widest"] = "narrower"
    """The width of the trained network under a limit. "narrower": `train.init_channels`, or the largest even width
    below it that the limits allow. "widest": the largest even width that the limits allow, in place of
    `train.init_channels`."""

    pull: Annotated[float, Field(ge=0)] = 10.0
    """How strongly the gradient of alpha is drawn below the limits: the multiplier that a search gives its expected
    cost if that is twice the limit throughout; 0: only the choice at its end meets the limits."""

    @property
    def given(self) -> dict[str, float]:
        """Name -> value of the limits that are set, among params, macs and latency."""
        named = {"params": self.params, "macs": self.macs, "latency": self.latency}
        return {name: value for name, value in named.items() if value is not None}

    @field_validator("params", "macs", mode="before")
    @classmethod
    def _amount(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        number, unit = _parts(value)
        if unit.lower() not in _FACTORS:
            raise PydanticCustomError(
                "limit", "'{unit}' is no unit of a number; the units are k, M and G, as in 1M", {"unit": unit}
            )
        return round(number * _FACTORS[unit.lower()])

    @field_validator("latency", mode="before")
    @classmethod
    def _duration(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        number, unit = _parts(value)
        if unit.lower() not in _SECONDS:
            told = f"'{unit}' is no unit of a latency" if unit else "a latency needs a unit"
            raise PydanticCustomError("limit", "{told}; the units are us, ms and s, as in 5ms", {"told": told})
        return number * _SECONDS[unit.lower()]


def _parts(text: str) -> tuple[float, str]:
    """Number and unit of a text."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise PydanticCustomError("limit", "input should be a number with a unit, as in 300k, 1.5M or 5ms")
    return float(re.sub("[_,]", "", match[1])), match[2]
