"""The tree of all settings, and the merging of layers into it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from dartboard.config import Settings, in_long_form, mapping_of, resolve
from dartboard.data import DataSettings
from dartboard.engine.finished.seed_choice import CHOICE_RULES
from dartboard.engine.settings import SearchSettings
from dartboard.engine.watches import refuse_watches
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Objective
from dartboard.settings.genotype import read_genotype
from dartboard.settings.limits import LimitSettings
from dartboard.settings.migration import migrate
from dartboard.settings.presets import AUTO, PRESETS
from dartboard.settings.published import Published, published_in, smallest_in
from dartboard.space import get_space
from dartboard.training import TrainSettings
from dartboard.wording import parse_duration

__all__ = [
    "DEFAULT_RULE",
    "AnalysisSettings",
    "AutomaticChoice",
    "MethodSettings",
    "ReselectionSettings",
    "RunSettings",
    "Step",
    "resolve_settings",
]

Step = Literal["search", "train"]
"""A step of a run."""


class MethodSettings(Settings):
    """Which search method, and its options; a bare name, as in `--set method=random`, stands for `method.name`."""

    short_form = "name"

    name: str = AUTO
    """Registry name (`dartboard methods` lists them); "auto" chooses one for the data."""

    options: dict[str, Any] = Field(default_factory=dict)
    """The method's own options."""


class ReselectionSettings(Settings):
    """Another selection from the supernet of a finished search."""

    run: str
    """The run directory."""

    name: str
    """Registry name of the selection (`dartboard selections` lists them)."""

    options: dict[str, Any] = Field(default_factory=dict)
    """The selection's own options."""


class AnalysisSettings(Settings):
    """An analysis of a finished search."""

    run: str
    """The run directory."""

    name: str
    """Registry name of the analysis (`dartboard analyses` lists them)."""

    options: dict[str, Any] = Field(default_factory=dict)
    """The analysis's own options."""


class AutomaticChoice(Settings):
    """A setting that was chosen automatically for this dataset, budget and machine."""

    setting: str
    """Dotted name of the setting."""

    value: Any
    """The chosen value."""

    reason: str
    """The reason for the choice, in words."""

    others: dict[str, str] = Field(default_factory=dict)
    """Alternative that was not chosen -> the reason against it; only where there are named alternatives."""

    @property
    def against(self) -> str:
        """A sentence against each alternative; empty without any."""
        return " ".join(f"Not {name}: {reason}." for name, reason in self.others.items())


Seed = Annotated[int, Field(ge=0)]
MOST_SEEDS = 100
DEFAULT_RULE = "best-supernet"
ALONE: Mapping[str, Any] = {"seeds": None, "choose": DEFAULT_RULE, "finalists": 1}
"""Settings of a run with a single search and without finalists."""


class RunSettings(Settings):
    """All settings of a run; `settings.json` holds them resolved."""

    documents = frozenset({"genotype"})

    source: str | None = None
    """The dataset: a folder or file, hf:owner/name, null for scikit-learn's digits, or a fingerprint of arrays."""

    space: str = AUTO
    """Name of the search space (`dartboard spaces` lists them), with options as in darts:nodes=3; "auto" chooses one
    for the data."""

    method: MethodSettings = MethodSettings()
    """The search method, and its options."""

    preset: str = "quick"
    """Name of a layer of settings between the defaults and your own (`dartboard presets` lists them)."""

    genotype: dict[str, Any] | None = None
    """An architecture to train without a search; null for a search."""

    reselection: ReselectionSettings | None = None
    """The selection that `dartboard select` makes; null for other commands."""

    analysis: AnalysisSettings | None = None
    """The analysis that `dartboard analyse` makes; null for other commands."""

    budget: Annotated[float, Field(gt=0)] | None = None
    """Seconds for the whole command, except for the last test and the report; also as "90s", "30m" or "2h". Network
    sizes and numbers of epochs that you do not give are planned for this time. null: the preset gives them."""

    objective: Objective = "accuracy"
    """The accuracy to maximise: "accuracy" counts every image the same, "balanced-accuracy" counts every class the
    same. The objective decides how a training treats imbalance, which epoch's weights are the best, which of several
    architectures is the best, and by which accuracy the baselines are compared."""

    automatic_choices: tuple[AutomaticChoice, ...] = ()
    """Settings that were chosen automatically. They are a layer between the preset and your own settings. A run that is
    given such a list makes no new choices."""

    seed: Seed = 0
    """Root of every random stream; the same seed and settings give the same result on the CPU."""

    seeds: tuple[Seed, ...] | None = None
    """Seeds of several searches; the rule `choose` takes one of the searches. A number means that many seeds, which
    count up from `seed`. null: one search, with `seed`."""

    choose: str = DEFAULT_RULE
    """Name of the rule that chooses among the searches (`dartboard choice-rules` lists the rules)."""

    finalists: Annotated[int, Field(gt=0)] = 1
    """Number of architectures that the search proposes, including the one it found. If there are several, each is
    trained from scratch for `short_train_epochs`, and the best on the validation images is taken."""

    short_train_epochs: Annotated[int, Field(gt=0)] = 100
    """Epochs of a short training from scratch, at most those of the whole training. Short trainings compare the
    finalists, and the searches of several seeds under the rule "best-short-train"."""

    device: str = "auto"
    """A torch device such as "cpu", "cuda:1" or "mps"; "auto" takes an accelerator if there is one."""

    baselines: bool = False
    """Whether `dartboard run` also trains other networks of about the same cost (`dartboard baselines` lists them), to
    show whether the search was worth its time. Each takes as long as the training of the network found."""

    contest: bool = False
    """Whether `dartboard run` lets the network found and the baselines compete by short trainings of equal time. The
    best on the validation images goes on and is trained to the end, whichever it is. No baseline is then trained to the
    end."""

    contest_random: Annotated[int, Field(ge=0)] = 0
    """Number of random architectures that compete in the contest in place of the baselines, however short its rounds
    are; 0: the baselines compete."""

    limits: LimitSettings = LimitSettings()
    """What the trained network may cost."""

    data: DataSettings = DataSettings()
    """Reading and splitting the data."""

    search: SearchSettings = SearchSettings()
    """Searching, which trains the supernet."""

    train: TrainSettings = TrainSettings()
    """Training the network found from scratch."""

    @property
    def split_seed(self) -> int:
        """Root of the random streams that split the images into training, validation and test."""
        return self.seed if self.data.split_seed is None else self.data.split_seed

    @field_validator("budget", mode="before")
    @classmethod
    def _in_seconds(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            raise PydanticCustomError("budget", "input should be a length of time, as in 90s, 30m or 1h30m") from error

    @field_validator("seeds", mode="before")
    @classmethod
    def _listed(cls, value: Any, info: ValidationInfo) -> Any:
        """The seeds of a number (4 or "4": that many seeds), of a text such as "2,20,200", or of a list."""
        if value is None:
            return None
        if isinstance(value, str) and "," in value:
            seeds: Sequence[Any] = value.split(",")
        elif isinstance(value, list | tuple):
            seeds = value
        else:
            try:
                count = int(str(value))
            except ValueError as error:
                raise PydanticCustomError(
                    "seeds", "input should be a number of searches, or seeds separated by commas, as in 2,20,200"
                ) from error
            first = info.data.get("seed", 0)
            seeds = range(first, first + min(count, MOST_SEEDS + 1))
        if not 1 <= len(seeds) <= MOST_SEEDS:
            raise PydanticCustomError("seeds", f"input should give from 1 to {MOST_SEEDS} searches")
        return seeds

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...] | None) -> tuple[int, ...] | None:
        for seed, times in Counter(seeds).items():
            if times > 1:
                raise PydanticCustomError("seeds", f"the seed {seed} is given twice, but every search needs its own")
        return seeds


FALLBACK = {"space": "nas-bench-201", "method.name": "single-darts"}
"""The space and the method that "auto" stands for if no rule chooses another."""


def _current(layers: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """The layers with present keys, and with the architecture of `search.start_at` in place of its name or file.

    So a run needs neither the name nor the file to be resumed. A later start replaces an earlier one as a whole, while
    other groups of settings are merged.
    """
    nested = tuple(in_long_form(RunSettings, migrate(mapping_of(layer))) for layer in layers)
    groups = [layer["search"] for layer in nested if isinstance(layer.get("search"), dict)]
    *earlier, last = [group for group in groups if "start_at" in group] or [{}]
    for group in earlier:
        del group["start_at"]
    if isinstance(name := last.get("start_at"), str):
        last["start_at"] = read_genotype(name).to_json()
    return nested


def asked_settings(*layers: Mapping[str, Any]) -> RunSettings:
    """The settings of the layers alone, with the space and the method of the preset where the layers name none.

    An open space is that of the architecture at which the search starts, if there is one.

    Raises:
        UnknownNameError: the preset or the choice rule does not exist.
        SettingsError: a key is unknown or a value does not fit.
        GenotypeError: the search would start at what is no architecture.
    """
    layers = _current(layers)
    preset = PRESETS[resolve(RunSettings, *layers).preset].factory
    asked = resolve(RunSettings, {"space": preset.space, "method": preset.method}, *layers)
    CHOICE_RULES[asked.choose]
    start = asked.search.start_at
    return asked.model_copy(update={"space": start["space"]}) if start and asked.space == AUTO else asked


def resolve_settings(*layers: Mapping[str, Any], automatic_choices: Sequence[AutomaticChoice] = ()) -> RunSettings:
    """The whole tree of settings, merged from layers; each layer overrides those before it.

    The order is: defaults, the preset, the settings of the method's paper for the space, automatic choices, then
    `layers`. A preset that is small on purpose comes after the paper, and is followed by what the method needs when it
    is made small. A rate of alpha that is given as an option of the method is taken as it is.

    Args:
        layers: layers of settings; later layers win.
        automatic_choices: settings that were chosen automatically. A space or a method that is still "auto" becomes
            that of `FALLBACK`.

    Raises:
        UnknownNameError: the space, the method, the preset or the choice rule does not exist.
        SettingsError: a key is unknown or a value does not fit.
        RecipeError: the method's options choose parts that do not fit together.
        GenotypeError: the search would start at what is no architecture.
    """
    layers = _current(layers)
    asked = asked_settings(*layers)
    preset = PRESETS[asked.preset].factory
    chosen = {choice.setting: choice.value for choice in automatic_choices or asked.automatic_choices}
    open_names = {"space": asked.space, "method.name": asked.method.name}
    names = {key: chosen.get(key, FALLBACK[key]) if name == AUTO else name for key, name in open_names.items()}
    space = get_space(names["space"])
    recipe = make_recipe(names["method.name"], asked.method.options)
    published, made = published_in(space, recipe, asked.preset), PRESETS.made(asked.preset, lambda: preset(space))
    smallest = smallest_in(space, recipe) if preset.is_small else Published({}, {})
    below = (published.settings, made, smallest.settings) if preset.is_small else (made, published.settings)
    as_given = {"search.alpha_lr_factor": 1.0} if asked.method.options.get("alpha_lr") is not None else {}
    options = {**published.options, **smallest.options, **asked.method.options}
    recorded = {"automatic_choices": [choice.model_dump() for choice in automatic_choices]} if automatic_choices else {}
    settings = resolve(
        RunSettings,
        *below,
        as_given,
        chosen,
        *layers,
        {**names, "method.options": options, "space": space.name, **recorded},
    )
    refuse_watches(settings.search.watch, space, recipe)
    return settings
