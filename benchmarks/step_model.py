"""What the counts of a step cost on the machine at hand, found from a few short measurements.

    probes = [Measurement(step_work(spec, batch, (32, 32)), seconds, peak) for ...]
    model = StepModel.fit(probes)
    model.seconds(step_work(larger, 64, (32, 32)))

tells the time of any other size of the same space, and `model.bytes` the memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from step_work import Work

__all__ = ["Measurement", "StepModel"]

_Array = NDArray[np.float64]


class Measurement(NamedTuple):
    """A step that was measured.

    Attributes:
        work: what it does.
        seconds: how long it took.
        peak_bytes: most memory in use at a time.
    """

    work: Work
    seconds: float
    peak_bytes: float


@dataclass(frozen=True)
class StepModel:
    """What the counts of `Work` cost on one machine, for one space.

    Attributes:
        launch: seconds in which the host launches a call; 0 where it computes itself, on a CPU.
        call: seconds of a call, whatever its size.
        place: seconds for a pixel of a feature map written, whatever its channels.
        value: seconds for a tensor element written.
        multiply_add: seconds for a multiply-add of a dense convolution.
        depthwise: seconds for a multiply-add of a depthwise convolution.
        fixed_bytes: memory that is in use whatever the size.
        bytes_per_value: memory for an element kept.
    """

    launch: float
    call: float
    place: float
    value: float
    multiply_add: float
    depthwise: float
    fixed_bytes: float
    bytes_per_value: float

    @classmethod
    def fit(cls, measurements: Sequence[Measurement], *, overlap: bool = False) -> "StepModel":
        """The coefficients, none negative, with the least squared relative errors.

        Args:
            measurements: at least two, better five or six: sizes far below those to be predicted will do, if each
                thing that will vary varies among them.
            overlap: whether the host launches calls while earlier ones run, as on an accelerator: a step then takes
                the longer of launching and running, else the sum.

        Raises:
            ValueError: there are fewer than two measurements, or one of no time or no memory.
        """
        if len(measurements) < 2:
            raise ValueError(f"fitting the time of a step needs two measurements or more, not {len(measurements)}.")
        if any(each.seconds <= 0 or each.peak_bytes <= 0 for each in measurements):
            raise ValueError("measured seconds and bytes must be above zero.")
        counts = np.array([each.work.step.as_tuple for each in measurements], dtype=float)
        seconds = np.array([each.seconds for each in measurements])
        launch, running = _fit_overlapping(counts, seconds) if overlap else (0.0, _fit_relative(counts, seconds))
        kept = np.array([[1.0, each.work.kept_values] for each in measurements])
        fixed, per_value = _fit_relative(kept, np.array([each.peak_bytes for each in measurements]))
        call, place, value, multiply_add, depthwise = (float(each) for each in running)
        return cls(launch, call, place, value, multiply_add, depthwise, float(fixed), float(per_value))

    def seconds(self, work: Work) -> float:
        """How long a step takes."""
        counts = work.step.as_tuple
        coefficients = (self.call, self.place, self.value, self.multiply_add, self.depthwise)
        running = sum(coefficient * count for coefficient, count in zip(coefficients, counts, strict=True))
        return max(self.launch * work.step.calls, running)

    def bytes(self, work: Work) -> float:
        """The most memory in use during a step."""
        return self.fixed_bytes + self.bytes_per_value * work.kept_values


def _fit_overlapping(counts: _Array, seconds: _Array) -> tuple[float, _Array]:
    """Seconds of a launch, and of each count of the device, where a step takes the longer of launching and running.

    The measurements with the most calls a value are the ones that launching may limit: every division of them, in that
    order, is tried.
    """
    order = np.argsort(-counts[:, 0] / np.maximum(counts[:, 1], 1.0))
    best: tuple[float, float, _Array] | None = None
    for limited in range(len(seconds) + 1):
        launching, running = order[:limited], order[limited:]
        launch = float(_fit_relative(counts[launching, :1], seconds[launching])[0]) if limited else 0.0
        device = _fit_relative(counts[running], seconds[running]) if len(running) else np.zeros(counts.shape[1])
        found = np.maximum(launch * counts[:, 0], counts @ device)
        error = float((((found - seconds) / seconds) ** 2).sum())
        if best is None or error < best[0]:
            best = error, launch, device
    assert best is not None
    return best[1:]


def _fit_relative(counts: _Array, measured: _Array) -> _Array:
    """The coefficients x >= 0 with the least sum of ((counts x - measured) / measured)^2."""
    scaled = counts / measured[:, None]
    size = np.linalg.norm(scaled, axis=0)
    size[size == 0] = 1.0  # of a count that is nowhere, whose coefficient comes out as zero
    solution, _ = nnls(scaled / size, np.ones(len(measured)))
    return np.asarray(solution / size)
