"""How long each training of a run with a budget may be: the content of allowances.json."""

from dartboard.config import Settings
from dartboard.training import Allowance, Pace

__all__ = ["Lot"]


class Lot(Settings):
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
    def allowance(self) -> Allowance:
        """What corrects the length on the way."""
        return Allowance(self.seconds, Pace(self.most_epochs, self.most_steps))
