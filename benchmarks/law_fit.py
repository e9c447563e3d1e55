"""The law of `law.py`: the fit, and what is said of it by the trainings on record."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from dartboard.budget.arithmetic import wanted_passes

__all__ = ["GENOTYPE", "PASSES", "WIDTH", "Law", "as_table", "fit", "step_exponent"]

Records = dict[str, Any]

Floats = npt.NDArray[np.float64]

GENOTYPE = "conv-stages-by-hand"
WIDTH = 32
"""The width that others are measured by: the usual one of the space."""

PASSES: Mapping[str, Sequence[int]] = {
    "cifar10": (3, 6, 12),
    "fashion": (3, 6, 12),
    "emotions": (3, 6, 12),
    "flowers5": (24, 48, 96),
}
"""Data set -> how often each image is seen; the middle number is the usual one."""


@dataclass(frozen=True)
class Law:
    """What was fitted.

    Attributes:
        alpha: exponent of the width.
        beta: exponent of the passes.
        terms: data set -> floor, a, b, as errors between 0 and 1.
        residual: root of the mean square of what the fit leaves, in points of accuracy.
    """

    alpha: float
    beta: float
    terms: Mapping[str, tuple[float, float, float]]
    residual: float

    def error(self, data: str, width: float, passes: float) -> float:
        """The error of a network of this width after so many passes."""
        floor, narrow, short = self.terms[data]
        usual = PASSES[data][1]
        return float(floor + narrow * (width / WIDTH) ** -self.alpha + short * (passes / usual) ** -self.beta)

    def best_passes(self, data: str, kappa: float) -> float:
        """How often the usual width sees every image where its time is spent best.

        Args:
            data: name of the data set.
            kappa: a step takes time in proportion to this power of the width.
        """
        _, narrow, short = self.terms[data]
        if narrow <= 0 or short <= 0:
            return math.inf if narrow <= 0 else 0.0
        return float(PASSES[data][1] * (kappa * self.beta * short / (self.alpha * narrow)) ** (1 / self.beta))


def fit(runs: Sequence[Records]) -> Law:
    """The law by least squares, errors of all data sets counted relative to the mean error of their own."""
    names = list(dict.fromkeys(run["data"] for run in runs))
    place = np.array([names.index(run["data"]) for run in runs])
    width = np.array([run["width"] / WIDTH for run in runs])
    passes = np.array([run["passes"] / PASSES[run["data"]][1] for run in runs])
    error = np.array([run["error"] for run in runs])
    scale = np.array([error[place == number].mean() for number in range(len(names))])

    def foretold(values: Floats) -> Floats:
        alpha, beta = values[:2]
        floor, narrow, short = values[2:].reshape(3, -1)[:, place]
        error: Floats = scale[place] * (floor + narrow * width**-alpha + short * passes**-beta)
        return error

    first = np.concatenate([[0.5, 0.5], np.full(3 * len(names), 1 / 3)])
    low = np.concatenate([[0.1, 0.1], np.zeros(3 * len(names))])
    high = np.concatenate([[3.0, 3.0], np.full(3 * len(names), 3.0)])
    found = least_squares(lambda values: (foretold(values) - error) / scale[place], first, bounds=(low, high)).x
    terms = (found[2:].reshape(3, -1) * scale).T
    return Law(
        alpha=float(found[0]),
        beta=float(found[1]),
        terms={name: tuple(map(float, own)) for name, own in zip(names, terms, strict=True)},  # type: ignore[misc]
        residual=100 * float(np.sqrt(np.mean((foretold(found) - error) ** 2))),
    )


def step_exponent(runs: Sequence[Records]) -> float:
    """kappa: the slope of the logarithm of seconds over that of the width, with an offset by data set.

    The seconds are those of the CPU for everything, divided by the steps; so start and test count too.
    """
    names = list(dict.fromkeys(run["data"] for run in runs))
    seconds = np.log([run["cpu_seconds"] / run["steps"] for run in runs])
    known = [[math.log(run["width"]), *(float(run["data"] == name) for name in names)] for run in runs]
    return float(np.linalg.lstsq(np.array(known), seconds, rcond=None)[0][0])


def as_table(records: Records) -> str:
    """The records as Markdown."""
    runs = list(records["runs"].values())
    lines = [
        "# Width against passes",
        "",
        f"Printed by `python benchmarks/law.py` ({records['machine']}, torch {records['torch']}, {records['date']}).",
        f"{GENOTYPE} by the recipe of the preset quick, one thread a training. Accuracy in percent on held-out",
        "validation images, mean over seeds; in brackets seconds of the CPU for everything.",
        "",
    ]
    for data in dict.fromkeys(run["data"] for run in runs):
        own = [run for run in runs if run["data"] == data]
        lines += [f"| {data}: channels | " + " | ".join(f"{each} passes" for each in PASSES[data]) + " |"]
        lines += ["|---|---|---|---|"]
        for width in sorted({run["width"] for run in own}):
            cells = [_cell(own, width, passes) for passes in PASSES[data]]
            lines.append(f"| {width} | " + " | ".join(cells) + " |")
        lines.append("")
    complete = [
        data
        for data in PASSES
        if len({(run["width"], run["passes"]) for run in runs if run["data"] == data}) >= _FEWEST
    ]
    if not complete:
        return "\n".join([*lines, f"No law is fitted to fewer than {_FEWEST} kinds of trainings of a data set."]) + "\n"
    fitted = [run for run in runs if run["data"] in complete]
    law, kappa = fit(fitted), step_exponent(fitted)
    lines += [
        f"Fitted: alpha {law.alpha:.2f}, beta {law.beta:.2f}, which leaves {law.residual:.2f} points (root mean "
        f"square); a step takes time in proportion to width^{kappa:.2f}. So a network twice as wide should see every "
        f"image {2 ** (law.alpha / law.beta):.1f} times as often.",
        "",
        "| data set | training images | floor | a | b | best passes of 32 channels | those that the planner wants |",
        "|---|---|---|---|---|---|---|",
    ]
    for data in complete:
        images = next(run["images"]["train"] for run in fitted if run["data"] == data)
        terms = " | ".join(f"{100 * value:.2f}" for value in law.terms[data])
        best, planned = law.best_passes(data, kappa), wanted_passes(images, short_recipe=True)
        lines.append(f"| {data} | {images} | {terms} | {best:.1f} | {planned} |")
    return "\n".join(lines) + "\n"


_FEWEST = 7
"""Kinds of trainings, of 9, that a data set must have to be fitted."""


def _cell(own: Sequence[Records], width: int, passes: int) -> str:
    here = [run for run in own if (run["width"], run["passes"]) == (width, passes)]
    if not here:
        return "-"
    accuracy = sum(100 * (1 - run["error"]) for run in here) / len(here)
    return f"{accuracy:.2f} ({sum(run['cpu_seconds'] for run in here) / len(here):.0f} s)"
