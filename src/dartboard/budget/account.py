"""The account of a budget: planned seconds, settings chosen for them, and a check that the time is enough."""

from collections.abc import Collection, Sequence
from typing import Any

from dartboard.budget.arithmetic import SearchRate, Size, TrainingRate, reserve
from dartboard.devices import available_memory
from dartboard.errors import BudgetError
from dartboard.session.session import Session
from dartboard.settings.tree import AutomaticChoice, Step
from dartboard.wording import duration

__all__ = ["Account"]

_MEMORY_SHARE = 0.5


class Account:
    """The time of a run with a budget, and the settings chosen automatically for it.

    Args:
        session: the session of the run; its settings have a budget.
        given: dotted names of the settings that must not be chosen automatically.

    Attributes:
        session: as given.
        given: as given.
        budget: seconds for the whole command.
        choices: automatic choices so far.
        timetable: phase -> seconds planned so far.
        least: seconds of the shortest possible search and trainings, as far as they are planned.
    """

    def __init__(self, session: Session, given: Collection[str]) -> None:
        budget = session.settings.budget
        assert budget is not None
        self.session, self.given, self.budget = session, given, budget
        self.choices: list[AutomaticChoice] = []
        self.timetable: dict[str, float] = {"data": session.data_seconds}
        self.least = 0.0

    @property
    def left(self) -> float:
        """Seconds of the budget that are still unused, without the reserve; timing the steps uses seconds, too."""
        return self.budget - self.session.spent - reserve(self.budget)

    @property
    def left_after_search(self) -> float:
        """Seconds that the planned search leaves for the trainings."""
        return self.left - self.timetable.get("search", 0.0)

    def choose(self, setting: str, value: Any, reason: str) -> None:
        """Add an automatic choice, unless the user gave the setting."""
        if setting not in self.given:
            self.choices.append(AutomaticChoice(setting=setting, value=value, reason=reason))

    def allowed(self, group: Step, sizes: Sequence[Size]) -> list[Size]:
        """The sizes to choose from, where a width or a depth that the user gave replaces that of every size."""
        settings = getattr(self.session.settings, group)
        channels = settings.init_channels if f"{group}.init_channels" in self.given else None
        layers = settings.layers if f"{group}.layers" in self.given else None
        return list(dict.fromkeys(Size(channels or each.channels, layers or each.layers) for each in sizes))

    def choose_size(self, group: Step, size: Size, sizes: Sequence[Size], enough: str) -> None:
        """Add the automatic choice of a network's size.

        Args:
            group: "search" for the supernet, "train" for the trained networks.
            size: the chosen size.
            sizes: all sizes to choose from, the smallest first.
            enough: the condition that a size must meet, in words.
        """
        why = f"the largest that {enough}"
        if size == sizes[0]:
            why = f"the smallest size: no larger one {enough}"
        elif size == sizes[-1]:
            why = f"the largest size, which {enough}"
        self.choose(f"{group}.init_channels", size.channels, why)
        self.choose(f"{group}.layers", size.layers, why)

    def fits_memory(self, rate: SearchRate | TrainingRate) -> bool:
        """Whether the tensors that a step keeps take less than half of the device's available memory."""
        return rate.memory < _MEMORY_SHARE * available_memory(self.session.device)

    def check(self) -> None:
        """Refuse a run that cannot end in time.

        Raises:
            BudgetError: the budget is too small for the shortest run, or for the lengths that the user gave.
        """
        needed = self.budget - self.left + self.least
        if self.least > self.left:
            remedy = "" if "baselines" not in self.timetable else "; --no-baselines takes less"
            raise BudgetError(
                f"a budget of {duration(self.budget)} is too small on this machine: reading the data, the shortest "
                f"search and the shortest training take about {duration(needed)}{remedy}; give at least "
                f"--budget {round(needed * 1.2 + 1)}s."
            )
        ahead = sum(seconds for phase, seconds in self.timetable.items() if phase != "data")
        lengths = ("search.", "train.", "finalists", "short_train_epochs")
        fixed = ", ".join(name for name in sorted(self.given) if name.startswith(lengths))
        if fixed and ahead > 1.05 * self.left + 1:
            raise BudgetError(
                f"with the given settings ({fixed}) the run takes about {duration(ahead + self.budget - self.left)}, "
                f"longer than the budget of {duration(self.budget)}; give a larger budget, or leave out one of these "
                "settings."
            )
