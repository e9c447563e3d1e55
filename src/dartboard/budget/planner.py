"""A budget turned into settings: what steps take here is measured, then sizes and lengths follow (`budget.py`)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from statistics import quantiles
from typing import Any

from dartboard.budget.arithmetic import (
    LEAST_EPOCHS,
    LEAST_STEPS,
    SEARCH_STEPS,
    TRAIN_EPOCHS,
    Lengths,
    SearchRate,
    Size,
    TrainingRate,
    choose_size,
    search_lengths,
    search_sizes,
    training_lengths,
    training_sizes,
    wanted_passes,
)
from dartboard.budget.timing import computes_in_bfloat16, measure_search, measure_training
from dartboard.data import PHOTOGRAPH_SIDE
from dartboard.devices import available_memory
from dartboard.engine import CHOICE_RULES, SupernetRequest, judging_share
from dartboard.errors import BudgetError
from dartboard.parts import NoTraining, UniformlyRandom, initial_live
from dartboard.runs import make_generator
from dartboard.session.baselines import is_comparable, multiply_adds
from dartboard.session.search import search_recipe, supernet_spec
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan, with_size
from dartboard.settings.tree import Decision, Step
from dartboard.space import Genotype, get_space, network_cost
from dartboard.supernet.cost import step_work
from dartboard.wording import duration

__all__ = ["Timetable", "plan_budget", "reserve"]

_SEARCH_SHARE = {1: 0.3, 3: 0.2}
"""Trainings of a run -> the share of the time that the search gets."""

_BASELINE_SECONDS = 15.0
"""Where a training would have less, the baselines are left out for its sake."""

_FASTER = 0.95
"""Share of a step's time in float32 below which bfloat16 is taken."""

_FEW_PASSES = 6
"""Passes below which images are not cropped at random: see benchmarks/results/short_trainings.md."""

_MEMORY_SHARE = 0.5
_SHORT_SHARE = 0.15
_SHORT_SECONDS = 0.5
"""Of a training a short one has that share, and its run directory and report take so many seconds."""

_DRAWN = 15

Timetable = dict[str, float]
"""Phase -> seconds planned."""


def reserve(budget: float) -> float:
    """Seconds kept for what is not planned: starting Python, writing, the report."""
    return 3.0 + 0.02 * budget


def plan_budget(
    session: Session, steps: Sequence[Step], given: Collection[str], genotype: Genotype | None
) -> tuple[list[Decision], Timetable]:
    """Decide sizes and lengths so that what is left of the budget suffices.

    Args:
        session: data read, space and method chosen.
        steps: of the command.
        given: dotted names of the settings that are not to be decided.
        genotype: what is trained, where it is known.

    Raises:
        BudgetError: the budget is too small for the least that could be called a run, or for what was given.
    """
    planner = _Planner(session, given)
    searches, trains = "search" in steps, "train" in steps
    if searches:
        planner.plan_search(share=_share(session, trains=trains))
    if trains or _compares(session):
        planner.plan_training(genotype or _typical_genotype(session), searches=searches, trains=trains)
    planner.check()
    return planner.decisions, planner.timetable


def _share(session: Session, *, trains: bool) -> float:
    """The share of the time that the searches get."""
    if not trains:
        return 0.5 if _compares(session) else 1.0
    return _SEARCH_SHARE[3 if session.settings.baselines and is_comparable(session) else 1]


def _compares(session: Session) -> bool:
    """Whether it is asked for that short trainings choose among what the searches find."""
    return session.settings.finalists > 1 or _seeds_compared(session) > 0


def _seeds_compared(session: Session) -> int:
    """Searches of which short trainings choose one."""
    settings = session.settings
    short = CHOICE_RULES[settings.choose].factory().short_train
    return len(settings.seeds or ()) if short else 0


def _typical_genotype(session: Session) -> Genotype:
    """Of some architectures drawn from the space one at the upper quartile of cost: few searches find cheap ones."""
    space, plan = get_space(session.settings.space), network_plan(session, "train")
    height, width = session.dataset.image_shape[1:]
    generator = make_generator(session.settings.seed, "probe-genotypes")
    drawn = [UniformlyRandom()(space, {}, generator) for _ in range(_DRAWN)]
    costs = [network_cost(space, each, plan, (height, width)).multiply_adds for each in drawn]
    wanted = quantiles(costs, n=4)[2]
    return min(zip(costs, drawn, strict=True), key=lambda pair: abs(pair[0] - wanted))[1]


class _Planner:
    """Decides one matter after the other, and keeps account of the time.

    Args:
        session: what is planned for.
        given: settings that are not decided.

    Attributes:
        decisions: so far.
        timetable: so far.
    """

    def __init__(self, session: Session, given: Collection[str]) -> None:
        budget = session.settings.budget
        assert budget is not None
        self.session, self.given, self.budget = session, given, budget
        self.decisions: list[Decision] = []
        self.timetable: Timetable = {"data": session.data_seconds}
        self._least = 0.0

    @property
    def left(self) -> float:
        """Seconds of the budget that nothing has used so far."""
        return self.budget - self.session.spent - reserve(self.budget)

    def decide(self, setting: str, value: Any, reason: str) -> None:
        """Note a decision, unless the setting is given."""
        if setting not in self.given:
            self.decisions.append(Decision(setting=setting, value=value, reason=reason))

    def plan_search(self, share: float) -> None:
        """Size and length of the search."""
        settings = self.session.settings
        if any(isinstance(rule, NoTraining) for rule in search_recipe(settings).stages[0].recipe.rules):
            self.timetable["search"] = 0.0
            return
        count = len(settings.seeds or (settings.seed,))
        part = share * self.left / count
        if "search.seconds" in self.given and settings.search.seconds:
            part = settings.search.seconds
        learning = 1 - judging_share(search_recipe(settings).stages[-1].recipe)
        sizes = self._allowed("search", search_sizes(get_space(settings.space)))
        size, rate = choose_size(
            sizes,
            partial(_supernet_work, self.session),
            lambda size: measure_search(self.session, init_channels=size.channels, layers=size.layers),
            lambda _, rate: learning * part >= SEARCH_STEPS * rate.step and self._fits_memory(rate),
        )
        asked = settings.search.epochs if "search.epochs" in self.given else None
        lengths, scored = search_lengths(rate, learning * part, epochs=asked)
        if "search.steps_per_epoch" in self.given and settings.search.steps_per_epoch:
            taken = lengths.epochs * settings.search.steps_per_epoch * rate.step
            lengths = Lengths(lengths.epochs, settings.search.steps_per_epoch, taken)
        seconds = lengths.seconds / learning
        self.timetable["search"] = count * seconds
        self._least += count * min(lengths.seconds, 10 * rate.step)
        self._decide_size("search", size, sizes, f"takes {SEARCH_STEPS} steps or more in {duration(part)}")
        paced = f"{duration(part)} for the search, {1000 * rate.step:.0f} ms a step"
        self.decide("search.epochs", lengths.epochs, paced)
        self.decide("search.steps_per_epoch", lengths.steps, paced)
        self.decide("search.seconds", round(max(seconds, 1.0), 3), paced)
        if scored < 1 and settings.search.validation_images:
            images = max(64, int(scored * settings.search.validation_images))
            self.decide("search.validation_images", images, "scoring the supernet may take a seventh of the search")

    def plan_training(self, genotype: Genotype, *, searches: bool, trains: bool) -> None:
        """Size and length of the trainings, short ones among them, and whether there is time for baselines."""
        session = self.session
        settings, splits = session.settings, session.splits
        images, scored = len(splits.train), len(splits.validation)
        baselines = searches and trains and self._plan_baselines()
        trained = settings.train.runs * (3 if baselines else 1) if trains else 0
        short = {
            "search": _seeds_compared(session) if searches else 0,
            "finalists": settings.finalists if searches and settings.finalists > 1 else 0,
        }
        asked = settings.train.epochs if "train.epochs" in self.given else None
        usual = asked or max(TRAIN_EPOCHS, wanted_passes(images))
        count = trained + self._short_epochs(usual) / usual * sum(short.values())

        def wanted(size: Size) -> int:
            return asked or wanted_passes(images, size.channels)

        def part(rate: TrainingRate) -> float:
            left = self.left - self.timetable.get("search", 0.0)  # measuring takes time too
            left -= _SHORT_SECONDS * sum(short.values())
            return left / count - len(splits.test) * rate.image

        sizes = self._allowed("train", training_sizes(get_space(genotype.space)))
        size, rate = self._choose_network(
            genotype,
            sizes,
            lambda size, rate: part(rate) >= wanted(size) * rate.epoch(None, scored) and self._fits_memory(rate),
        )
        lengths = training_lengths(rate, part(rate), images=images, scored=scored, epochs=asked)
        tests = len(splits.test) * rate.image
        self._plan_short_trainings(short, lengths)
        if trains:
            runs = settings.train.runs
            self.timetable |= {"train": runs * lengths.seconds, "evaluation": runs * tests}
        if baselines:
            self.timetable["baselines"] = 2 * settings.train.runs * (lengths.seconds + tests)
        self._least += count * (LEAST_EPOCHS * rate.epoch(LEAST_STEPS, scored) + tests)
        time = f"{duration(part(rate))} for a training"
        self._decide_size("train", size, sizes, f"sees every image {wanted(size)} times in {time}")
        paced = f"{time}, {1000 * rate.step:.0f} ms a step"
        self.decide("train.epochs", lengths.epochs, paced)
        if lengths.steps is not None:
            self.decide("train.steps_per_epoch", lengths.steps, f"{paced}, too little for whole passes")
        self._plan_augmentation(lengths.epochs * (lengths.steps or rate.available) * settings.train.batch_size / images)
        if scored:
            self.decide("train.keep", "best", "held-out images tell which epoch's weights are the best")

    def _choose_network(
        self, genotype: Genotype, sizes: Sequence[Size], enough: Callable[[Size, TrainingRate], bool]
    ) -> tuple[Size, TrainingRate]:
        """The size of the network, and in which precision it is trained: the one whose steps are faster here."""
        session, given = self.session, self.session.settings.train

        def measure(precision: str, size: Size) -> TrainingRate:
            channels, layers = size
            tried = measure_training(session, genotype, init_channels=channels, layers=layers, precision=precision)
            return tried.limited(given.steps_per_epoch)

        def choose(precision: str, sizes: Sequence[Size]) -> tuple[Size, TrainingRate]:
            return choose_size(sizes, partial(_network_work, session, genotype), partial(measure, precision), enough)

        size, rate = choose(given.precision, sizes)
        if "train.precision" in self.given or not computes_in_bfloat16(session.device):
            return size, rate
        larger, lowered = choose("bfloat16", sizes[sizes.index(size) :])
        if larger == size and lowered.step >= _FASTER * rate.step:
            return size, rate
        takes = f"a step of {larger.channels} channels and {larger.layers} layers takes {1000 * lowered.step:.0f} ms"
        than = f"one of {size.channels} and {size.layers} takes {1000 * rate.step:.0f} ms in float32"
        self.decide("train.precision", "bfloat16", f"{takes} in it, {than}")
        return larger, lowered

    def _plan_augmentation(self, passes: float) -> None:
        """No crops at random where images are seen so seldom that no network learns them by heart."""
        augment, side = self.session.settings.train.augment, min(self.session.dataset.image_shape[1:])
        is_open = augment.crop_padding is None and augment.min_scale is None
        if is_open and side < PHOTOGRAPH_SIDE and passes < _FEW_PASSES:
            why = f"images that are seen {passes:.1f} times need no variation"
            self.decide("train.augment.crop_padding", 0, why)

    def _plan_short_trainings(self, counts: Mapping[str, int], lengths: Lengths) -> None:
        """By phase how many there are; `lengths` are those of a whole training."""
        epochs = self._short_epochs(lengths.epochs)
        for phase, number in counts.items():
            if number:
                seconds = number * (epochs * lengths.seconds / lengths.epochs + _SHORT_SECONDS)
                self.timetable[phase] = self.timetable.get(phase, 0.0) + seconds
        if any(counts.values()):
            self.decide("short_train_epochs", epochs, "about a seventh of the training's")

    def _short_epochs(self, epochs: int) -> int:
        """Epochs of a short training where a whole one has `epochs`."""
        if "short_train_epochs" in self.given:
            return min(self.session.settings.short_train_epochs, epochs)
        return max(1, round(_SHORT_SHARE * epochs))

    def _plan_baselines(self) -> bool:
        """Whether baselines are trained: not where that would leave too little to train anything well."""
        settings = self.session.settings
        if not settings.baselines or not is_comparable(self.session):
            return False
        left = self.left - self.timetable.get("search", 0.0)
        if "baselines" in self.given or left / (3 * settings.train.runs) >= _BASELINE_SECONDS:
            return True
        least = f"{_BASELINE_SECONDS:.0f} seconds for each of three trainings"
        self.decide("baselines", False, f"{duration(self.budget)} leave less than {least}")
        return False

    def check(self) -> None:
        """Refuse what cannot end in time."""
        needed = self.budget - self.left + self._least
        if self._least > self.left:
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

    def _allowed(self, group: str, sizes: Sequence[Size]) -> list[Size]:
        """The sizes with the widths and depths that are given in place of their own."""
        settings = getattr(self.session.settings, group)
        channels = settings.init_channels if f"{group}.init_channels" in self.given else None
        layers = settings.layers if f"{group}.layers" in self.given else None
        return list(dict.fromkeys(Size(channels or each.channels, layers or each.layers) for each in sizes))

    def _decide_size(self, group: str, size: Size, sizes: Sequence[Size], enough: str) -> None:
        why = f"the largest that {enough}"
        if size == sizes[0]:
            why = f"the smallest there is: no larger one {enough}"
        elif size == sizes[-1]:
            why = f"the largest there is, and it {enough}"
        self.decide(f"{group}.init_channels", size.channels, why)
        self.decide(f"{group}.layers", size.layers, why)

    def _fits_memory(self, rate: SearchRate | TrainingRate) -> bool:
        return rate.memory < _MEMORY_SHARE * available_memory(self.session.device)


def _supernet_work(session: Session, size: Size) -> float:
    """Tensor elements that a step of the first stage writes: what its time grows with."""
    tried = with_size(session, "search", {"init_channels": size.channels, "layers": size.layers})
    stage = search_recipe(tried.settings).stages[0].recipe
    live = initial_live(stage, get_space(tried.settings.space))
    spec = supernet_spec(tried, SupernetRequest(0, stage.mixing, live, stage.deeper))
    height, width = tried.dataset.image_shape[1:]
    return float(step_work(spec, tried.settings.search.batch_size, (height, width)).step.values)


def _network_work(session: Session, genotype: Genotype, size: Size) -> float:
    return float(multiply_adds(session, genotype, size.channels, size.layers))
