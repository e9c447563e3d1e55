"""How long each training of a run with a budget may be: the content of allowances.json."""

from dartboard.config import Settings
from dartboard.runs import Length, TimeLimit

__all__ = ["Allowance"]


class Allowance(Settings):
    """How long one network's training may be."""

    epochs: int
    """Epochs, as planned at the start."""

    steps: int
    """Steps of an epoch, as planned at the start."""

    seconds: float
    """Working time from the first epoch to the last."""

    test_seconds: float
    """What its test will take."""

    most_epochs: int
    """Epochs that it may come to."""

    most_steps: int
    """Steps that an epoch may come to."""

    @property
    def time_limit(self) -> TimeLimit:
        """What corrects the length on the way."""
        return TimeLimit(self.seconds, Length(self.most_epochs, self.most_steps))
