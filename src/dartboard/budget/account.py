"""What a budget is planned to be spent on, what was chosen for it, and whether it suffices."""

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
        session: what is planned for; its settings have a budget.
        given: dotted names of the settings that are not to be chosen.

    Attributes:
        session: as given.
        given: as given.
        budget: seconds of the command.
        choices: so far.
        timetable: phase -> seconds planned so far.
        least: seconds that the shortest search and trainings take, as far as they are planned.
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
        """Seconds of the budget that nothing has used so far; measuring takes time, too."""
        return self.budget - self.session.spent - reserve(self.budget)

    @property
    def left_after_search(self) -> float:
        """Seconds that are left for trainings."""
        return self.left - self.timetable.get("search", 0.0)

    def choose(self, setting: str, value: Any, reason: str) -> None:
        """Note an automatic choice, unless the setting is given."""
        if setting not in self.given:
            self.choices.append(AutomaticChoice(setting=setting, value=value, reason=reason))

    def allowed(self, group: Step, sizes: Sequence[Size]) -> list[Size]:
        """The sizes with the width and the depth that are given for the search or the training, where they are."""
        settings = getattr(self.session.settings, group)
        channels = settings.init_channels if f"{group}.init_channels" in self.given else None
        layers = settings.layers if f"{group}.layers" in self.given else None
        return list(dict.fromkeys(Size(channels or each.channels, layers or each.layers) for each in sizes))

    def choose_size(self, group: Step, size: Size, sizes: Sequence[Size], enough: str) -> None:
        """Note the size of a network.

        Args:
            group: the search's or the training's.
            size: that is chosen.
            sizes: among which.
            enough: what a size must do, in words.
        """
        why = f"the largest that {enough}"
        if size == sizes[0]:
            why = f"the smallest there is: no larger one {enough}"
        elif size == sizes[-1]:
            why = f"the largest there is, and it {enough}"
        self.choose(f"{group}.init_channels", size.channels, why)
        self.choose(f"{group}.layers", size.layers, why)

    def fits_memory(self, rate: SearchRate | TrainingRate) -> bool:
        """Whether the memory of the device is large enough for what a step keeps."""
        return rate.memory < _MEMORY_SHARE * available_memory(self.session.device)

    def check(self) -> None:
        """Refuse what cannot end in time.

        Raises:
            BudgetError: the budget is too small for the least that could be called a run, or for what was given.
        """
        needed = self.budget - self.left + self.least
        if self.least > self.left:
            remedy = "" if "baselines" not in self.timetable else "; --no-baselines takes less"
            raise BudgetError(
                f"a budget of {duration(self.budget)} is too small here: reading the data and the shortest search and "
                f"training take about {duration(needed)}{remedy}; give at least --budget {round(needed * 1.2 + 1)}s."
            )
        ahead = sum(seconds for phase, seconds in self.timetable.items() if phase != "data")
        lengths = ("search.", "train.", "finalists", "short_train_epochs")
        fixed = ", ".join(name for name in sorted(self.given) if name.startswith(lengths))
        if fixed and ahead > 1.05 * self.left + 1:
            raise BudgetError(
                f"with what is given ({fixed}) this takes about {duration(ahead + self.budget - self.left)}, longer "
                f"than the budget of {duration(self.budget)}; give more time, or leave one of them open."
            )
