"""Sweeps of a limit: the searches of one, and the Pareto front of what they found."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from dartboard.config import resolve
from dartboard.errors import SettingsError
from dartboard.records import GenotypeForms, Result
from dartboard.records.pareto import ParetoPoint
from dartboard.settings.limits import LimitSettings
from dartboard.wording import listing

__all__ = ["Sweep", "parse_sweep", "point_of"]

_NAMES: tuple[Literal["params", "macs", "latency"], ...] = ("params", "macs", "latency")


class Sweep:
    """The limits of a sweep.

    Args:
        cost: what is limited.
        texts: the limits, as the user gave them.

    Attributes:
        cost: what is limited.
        texts: the limits, as the user gave them; each gives its run the folder COST-LIMIT.
        lowest: the lowest of them.

    Raises:
        SettingsError: a limit cannot be read, or is given twice.
    """

    def __init__(self, cost: Literal["params", "macs", "latency"], texts: Sequence[str]) -> None:
        self.cost, self.texts = cost, tuple(texts)
        amounts = [resolve(LimitSettings, {cost: each}).given[cost] for each in texts]
        for place, amount in enumerate(amounts):
            if amount in amounts[:place]:
                raise SettingsError(f"the sweep has the limit {texts[place]} twice; give every limit once.")
        self.lowest = self.texts[amounts.index(min(amounts))]

    def folder(self, text: str) -> str:
        """The folder of the run with this limit."""
        return f"{self.cost}-{text}"

    def layer(self, text: str) -> Mapping[str, Any]:
        """The settings of the run with this limit."""
        return {f"limits.{self.cost}": text}


def parse_sweep(text: str) -> Sweep:
    """The sweep of a text such as "macs=10M,20M,50M".

    Raises:
        SettingsError: the text has another form, names no limit, or a limit twice.
    """
    name, _, values = text.partition("=")
    name = name.strip().removeprefix("limits.")
    texts = [each.strip() for each in values.split(",") if each.strip()]
    for known in _NAMES:
        if name == known and texts:
            return Sweep(known, texts)
    raise SettingsError(
        f"the sweep '{text}' is not of the form NAME=LIMIT,LIMIT,... with {listing(_NAMES, 'or')} as the name, as in "
        "--sweep macs=10M,20M,50M."
    )


def point_of(sweep: Sweep, text: str, result: Result) -> ParetoPoint | None:
    """The architecture that the run with this limit has found; None where its accuracy was not measured."""
    accuracy, test = result.validation_accuracy, result.test_accuracy
    limit = next(each for each in result.limits.limits if each.name == sweep.cost) if result.limits else None
    if accuracy is None or limit is None:
        return None
    return ParetoPoint(
        name=f"limit {text}",
        genotype=GenotypeForms.of(result.genotype.genotype),
        cost=limit.value,
        accuracy=accuracy,
        front=False,
        figures={} if test is None else {"test accuracy": test},
        report=f"{sweep.folder(text)}/report.html",
    )
