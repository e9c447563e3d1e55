"""How far a study is: the trials that are being worked on, and the numbers of those that have ended."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

__all__ = ["StudyProgress", "TrialProgress"]


class TrialProgress(NamedTuple):
    """How far a trial is.

    Attributes:
        key: name of the trial.
        phase: what it is doing, such as "search"; empty before the first phase.
        epoch: number of epochs of the phase that are done.
        epochs: number of epochs of the phase.
        share: share of the phase that is done, from 0 to 1.
        left: seconds that are left of the phase, or of the trial where that is known; None where neither is.
        host: name of the host that works on it.
    """

    key: str
    phase: str = ""
    epoch: int = 0
    epochs: int = 0
    share: float = 0.0
    left: float | None = None
    host: str = ""

    @classmethod
    def of(cls, key: str, told: Mapping[str, Any], host: str) -> Self:
        """From what `ProgressKeeper.told` gives."""
        return cls(key, host=host, **{name: told[name] for name in cls._fields if name in told})


class StudyProgress(NamedTuple):
    """How far a study is.

    Attributes:
        wanted: number of trials in all.
        done: number of those that have ended.
        failed: number of those that have failed for good.
        running: those that are being worked on.
        left: seconds that are left in all; None while nothing is known of it.
    """

    wanted: int
    done: int
    failed: int
    running: tuple[TrialProgress, ...]
    left: float | None
