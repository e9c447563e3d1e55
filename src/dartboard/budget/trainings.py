"""Chooses size and length of the trainings within the budget: whole ones, short ones, and those of baselines."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial

from dartboard.budget.account import Account
from dartboard.budget.allowances import CONTEST_PARTS, ROUND_SECONDS, contest_costs, needs_rounds, rounds_tell
from dartboard.budget.arithmetic import (
    LEAST_EPOCHS,
    LEAST_STEPS,
    TRAIN_EPOCHS,
    Size,
    TrainingRate,
    choose_size,
    training_sizes,
    training_within,
    wanted_passes,
)
from dartboard.budget.timing import computes_in_bfloat16, measure_training, multiplies_in_bfloat16
from dartboard.data import PHOTOGRAPH_SIDE
from dartboard.engine.finished.seed_choice import CHOICE_RULES
from dartboard.runs import Length
from dartboard.session.baselines import find_baselines, is_comparable, multiply_adds
from dartboard.session.session import Session
from dartboard.session.training import learned_images, num_scored
from dartboard.space import Genotype, get_space
from dartboard.training import more_steps
from dartboard.wording import count, duration

__all__ = ["TrainingPlan", "seeds_compared"]

_BASELINE_SECONDS = 15.0
"""Baselines are left out if any training would have less time than this, in seconds."""

_LEAST_SCORED = 50
"""No contest is held if fewer images than these would decide it."""

_FASTER = 0.95
"""bfloat16 is chosen if its step takes less than this share of the time in float32."""

_FEW_PASSES = 6
"""A training of fewer passes does not crop images at random (benchmarks/results/short_trainings.md)."""

_MANY_PASSES = 60
"""A training of fewer passes by the recipe of short trainings shifts images by a sixteenth, as in airbench
(arXiv:2404.00498), and takes no random parts of photographs."""

_SHORT_SHARE = 0.15
"""Epochs of a short training, as a share of those of a whole one."""

_SHORT_SECONDS = 0.5
"""Seconds that the run directory and the report of a short training take."""


def seeds_compared(session: Session) -> int:
    """Number of searches that short trainings compare; 0 where the choice rule needs no short training."""
    settings = session.settings
    short = CHOICE_RULES.made(settings.choose, CHOICE_RULES[settings.choose].factory).short_train
    return len(settings.seeds or ()) if short else 0


class TrainingPlan:
    """Chooses size and length of the trainings; all of them have the same size.

    Args:
        account: receives the automatic choices and the planned seconds of the trainings.
        genotype: an example of the architectures to train.
        searches: whether the command searches.
        trains: whether the command trains the architecture that was found or given.
    """

    def __init__(self, account: Account, genotype: Genotype, *, searches: bool, trains: bool) -> None:
        self._account, self._session, self._genotype, self._trains = account, account.session, genotype, trains
        settings, splits = self._session.settings, self._session.splits
        self._images, self._scored = len(learned_images(self._session)), num_scored(self._session)
        self._tested = len(splits.test)
        self._contest = self._plan_contest() if searches and trains else None
        self._baselines = self._plan_baselines() if searches and trains and self._contest is None else 0
        self._short = {
            "search": seeds_compared(self._session) if searches else 0,
            "finalists": settings.finalists if searches and settings.finalists > 1 else 0,
        }
        self._asked = settings.train.epochs if "train.epochs" in account.given else None
        whole = settings.train.runs * (1 + self._baselines) + (self._contest or 0.0) if trains else 0
        self._space = get_space(genotype.space)
        usual = self._asked or max(TRAIN_EPOCHS, self._wanted_passes())
        self._count = whole + self._short_epochs(usual) / usual * sum(self._short.values())

    def make(self) -> None:
        """Measure steps, choose size and length, and enter the planned seconds into the account."""
        account, settings = self._account, self._session.settings.train
        sizes = account.allowed("train", training_sizes(self._space))
        size, rate = self._choose_network(sizes)
        length = self._length(rate)
        self._choose_contest(self._passes(rate, length))
        seconds, length = self._seconds_each(rate), self._length(rate)
        self._plan_short_trainings(rate, length)
        self._enter_whole_trainings(rate, length)
        time = f"{duration(seconds)} per training"
        account.choose_size("train", size, sizes, f"sees every image {self._wanted(size)} times in {time}")
        paced = f"{time}, {1000 * rate.step:.0f} ms per step"
        account.choose("train.epochs", length.epochs, paced)
        if length.steps is not None:
            account.choose("train.steps_per_epoch", length.steps, f"{paced}: too little time for whole passes")
        self._plan_augmentation(self._more * self._passes(rate, length))
        if self._scored and settings.average == "none":
            account.choose("train.keep", "best", "the held-out images show which epoch has the best weights")

    @property
    def _more(self) -> float:
        """How many times as many steps a training takes as whole images would allow in its time."""
        return more_steps() if self._session.settings.train.progressive_resizing else 1.0

    def _length(self, rate: TrainingRate) -> Length:
        """The length of each whole training."""
        seconds = self._seconds_each(rate)
        return training_within(rate, seconds, images=self._images, scored=self._scored, epochs=self._asked)

    def _passes(self, rate: TrainingRate, length: Length) -> float:
        """How often a training of this length would see every image if all were of their whole side."""
        steps = length.epochs * (length.steps or rate.available)
        return steps * self._session.settings.train.batch_size / self._images

    def _wanted(self, size: Size) -> int:
        """Number of passes over the images that a network of this size should make."""
        return self._asked or self._wanted_passes(size.channels / self._space.small_size[0])

    def _wanted_passes(self, width: float = 1.0) -> int:
        """The same for a network so many times as wide as a small one of its space."""
        return wanted_passes(self._images, width, short_recipe=self._space.short_recipe)

    def _seconds_each(self, rate: TrainingRate) -> float:
        """Seconds for each whole training, without its test."""
        left = self._account.left_after_search - _SHORT_SECONDS * sum(self._short.values())
        return left / self._count - self._tested * rate.image

    def _is_enough(self, size: Size, rate: TrainingRate) -> bool:
        """Whether a network of this size fits into memory and makes the wanted number of passes in its time."""
        wanted = self._wanted(size) * rate.epoch(None, self._scored) / (1.0 if self._asked else self._more)
        return self._seconds_each(rate) >= wanted and self._account.fits_memory(rate)

    def _choose_network(self, sizes: Sequence[Size]) -> tuple[Size, TrainingRate]:
        """The size of the network and its cost; also chooses the precision of the training."""
        precision = self._choose_precision(sizes)
        return self._largest(precision, sizes, partial(_work, self._session, self._genotype))

    def _choose_precision(self, sizes: Sequence[Size]) -> str:
        """The faster precision here."""
        session, account = self._session, self._account
        precision = session.settings.train.precision
        if "train.precision" in account.given or not computes_in_bfloat16(session.device):
            return precision
        if self._space.short_recipe and multiplies_in_bfloat16(session.device):
            why = "the processor multiplies matrices of bfloat16 (AMX), and dense convolutions do little else"
            account.choose("train.precision", "bfloat16", why)
            return "bfloat16"
        channels, layers = self._usual(sizes)
        single, lowered = (
            measure_training(session, self._genotype, init_channels=channels, layers=layers, precision=each).step
            for each in ("float32", "bfloat16")
        )
        if lowered >= _FASTER * single:
            return precision
        size = f"{count(channels, 'channel')} and {count(layers, 'layer')}"
        takes = f"{1000 * lowered:.0f} ms in bfloat16 and {1000 * single:.0f} ms in float32"
        account.choose("train.precision", "bfloat16", f"a step of {size} takes {takes}")
        return "bfloat16"

    def _usual(self, sizes: Sequence[Size]) -> Size:
        """The size nearest to a small network of the space."""
        channels, layers = self._space.small_size
        return min(sizes, key=lambda size: (abs(size.channels - channels), abs(size.layers - layers)))

    def _largest(
        self, precision: str, sizes: Sequence[Size], work: Callable[[Size], float]
    ) -> tuple[Size, TrainingRate]:
        """The largest size for which the time is enough in this precision, and its cost."""
        session = self._session

        def measure(size: Size) -> TrainingRate:
            channels, layers = size
            tried = measure_training(
                session, self._genotype, init_channels=channels, layers=layers, precision=precision
            )
            return tried.limited(session.settings.train.steps_per_epoch)

        return choose_size(sizes, work, measure, self._is_enough, self._usual(sizes))

    def _enter_whole_trainings(self, rate: TrainingRate, length: Length) -> None:
        account, runs = self._account, self._session.settings.train.runs
        training, test = rate.seconds(length, self._scored), self._tested * rate.image
        if self._trains:
            account.timetable |= {"train": runs * training, "evaluation": runs * test}
        if self._contest:
            account.timetable["contest"] = self._contest * training
        if self._baselines:
            account.timetable["baselines"] = self._baselines * runs * (training + test)
        account.least += self._count * (LEAST_EPOCHS * rate.epoch(LEAST_STEPS, self._scored) + test)

    def _plan_short_trainings(self, rate: TrainingRate, length: Length) -> None:
        """Enter the planned seconds of short trainings; `length` is that of a whole training."""
        account, epochs = self._account, self._short_epochs(length.epochs)
        for phase, number in self._short.items():
            if number:
                share = epochs * rate.seconds(length, self._scored) / length.epochs
                account.timetable[phase] = account.timetable.get(phase, 0.0) + number * (share + _SHORT_SECONDS)
        if any(self._short.values()):
            account.choose("short_train_epochs", epochs, "about a seventh of the epochs of a whole training")

    def _short_epochs(self, epochs: int) -> int:
        """Epochs of a short training, if a whole one has `epochs`."""
        if "short_train_epochs" in self._account.given:
            return min(self._session.settings.short_train_epochs, epochs)
        return max(1, round(_SHORT_SHARE * epochs))

    def _plan_contest(self) -> float | None:
        """Time of the contest beside the winner's training, in whole trainings; None where no contest is held.

        A contest takes the place of baselines that are trained to the end, unless the user decided about these.
        """
        account, settings = self._account, self._session.settings
        if "contest" in account.given:
            held = settings.contest
        else:
            averages = settings.train.average != "none" and settings.train.runs == 1
            is_open = "baselines" not in account.given
            held = is_open and averages and self._scored >= _LEAST_SCORED
        can_do_without = get_space(settings.space).known is not None or settings.contest_random
        if not held or not (can_do_without or account.left_after_search / self._contest_parts >= ROUND_SECONDS):
            return None
        if is_comparable(self._session):
            account.choose("train.hold_out", False, "weights are averaged, so held-out images choose no epoch")
            self._scored = 0
        return (self._contest_parts - CONTEST_PARTS) / CONTEST_PARTS

    @property
    def _contest_parts(self) -> int:
        """What a contest and the training of its winner cost, in parts of a training."""
        return contest_costs(1 + (self._session.settings.contest_random or self._num_baselines))[1]

    def _choose_contest(self, passes: float) -> None:
        """Leave the rounds out where they would tell nothing, and say so; `passes` are those of a whole training."""
        account, settings = self._account, self._session.settings
        if self._contest is None:
            return
        seconds = account.left_after_search / self._contest_parts
        if "contest" not in account.given and not needs_rounds(self._session) and not rounds_tell(seconds, passes):
            why = (
                f"rounds of {duration(seconds)}, {passes / CONTEST_PARTS:.1f} passes over the images, would not show "
                "which network is best in the end, so a known good network is trained"
            )
            account.choose("contest", True, why)
            account.choose("baselines", False, "there is no time for baselines")
            self._count -= self._contest
            self._contest = 0.0
        else:
            why = f"rounds of {duration(seconds)} show which network is worth the rest of the time"
            account.choose("contest", True, why)
            others = "random ones" if settings.contest_random else "them"
            account.choose("baselines", False, f"the contest compares the network found with {others} in less time")

    def _plan_baselines(self) -> int:
        """Number of baselines to train; 0 where each training would then have too little time."""
        account, settings = self._account, self._session.settings
        if not settings.baselines or not is_comparable(self._session):
            return 0
        count = self._num_baselines
        each = account.left_after_search / ((1 + count) * settings.train.runs)
        if "baselines" in account.given or each >= _BASELINE_SECONDS:
            return count
        least = f"{_BASELINE_SECONDS:.0f} seconds for each of {1 + count} trainings"
        account.choose("baselines", False, f"{duration(account.budget)} leaves less than {least}")
        return 0

    @cached_property
    def _num_baselines(self) -> int:
        return sum(1 for _ in find_baselines(self._session, self._genotype))

    def _plan_augmentation(self, passes: float) -> None:
        """Shift images less, or not at all, where a network sees each of them too rarely to memorise it."""
        settings, side = self._session.settings, min(self._session.dataset.image_shape[1:])
        augment = settings.train.augment
        crops = augment.min_scale is not None and augment.min_scale < 1
        if augment.crop_padding is not None or crops:
            return
        seen = f"the network sees each image {passes:.1f} times"
        if get_space(settings.space).short_recipe:
            if passes < _MANY_PASSES:
                why = f"{seen}, and short trainings shift images by a sixteenth of their side"
                self._account.choose("train.augment.crop_padding", max(1, round(side / 16)), why)
                if side >= PHOTOGRAPH_SIDE and augment.min_scale is None:
                    self._account.choose("train.augment.min_scale", 1.0, f"{seen}, so crops are only shifted")
        elif side < PHOTOGRAPH_SIDE and passes < _FEW_PASSES:
            self._account.choose("train.augment.crop_padding", 0, f"{seen}, too rarely to overfit")


def _work(session: Session, genotype: Genotype, size: Size) -> float:
    return float(multiply_adds(session, genotype, size.channels, size.layers))
