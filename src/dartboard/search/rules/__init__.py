"""What happens when: one file per family."""

from dartboard.search.rules.base import Rule
from dartboard.search.rules.cooling import Cooling
from dartboard.search.rules.skip_dropout import FadingSkipDropout
from dartboard.search.rules.warm_up import NoTraining, WarmUp

__all__ = ["Cooling", "FadingSkipDropout", "NoTraining", "Rule", "WarmUp"]
