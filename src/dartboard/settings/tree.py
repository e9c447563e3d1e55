"""The tree of all settings, and how layers are resolved into it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from dartboard.config import Settings, resolve
from dartboard.data import DataSettings
from dartboard.engine.finished.seed_choice import CHOICE_RULES
from dartboard.engine.settings import SearchSettings
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Objective
from dartboard.settings.migration import migrate
from dartboard.settings.presets import AUTO, PRESETS
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
"""What a command may do."""


class MethodSettings(Settings):
    """Which search method, and its options."""

    name: str = AUTO
    """Registry name (`dartboard methods` lists them); "auto" chooses by what the data is."""

    options: dict[str, Any] = Field(default_factory=dict)
    """The method's own options."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        """A bare name, as in `--set method=random`, stands for the method without options."""
        return {"name": value} if isinstance(value, str) else value


class ReselectionSettings(Settings):
    """Another selection from the supernet of a run that has ended."""

    run: str
    """The run directory."""

    name: str
    """Registry name of the selection (`dartboard selections` lists them)."""

    options: dict[str, Any] = Field(default_factory=dict)
    """The selection's own options."""


class AnalysisSettings(Settings):
    """A look into what a finished run has learned."""

    run: str
    """The run directory."""

    name: str
    """Registry name of the analysis (`dartboard analyses` lists them)."""

    options: dict[str, Any] = Field(default_factory=dict)
    """The analysis's own options."""


class AutomaticChoice(Settings):
    """A setting that was left open and has been chosen for this dataset, budget and machine."""

    setting: str
    """Dotted name."""

    value: Any
    """What was chosen."""

    reason: str
    """Why, in a sentence."""


Seed = Annotated[int, Field(ge=0)]
MOST_SEEDS = 100
DEFAULT_RULE = "best-supernet"
ALONE: Mapping[str, Any] = {"seeds": None, "choose": DEFAULT_RULE, "finalists": 1}
"""The settings that choose nothing further: one search, whose architecture is taken as it is."""


class RunSettings(Settings):
    """Everything that decides what a run does; `settings.json` holds it resolved."""

    source: str | None = None
    """The dataset: a folder or file, hf:owner/name, or null for the embedded digits; arrays leave their fingerprint."""

    space: str = AUTO
    """Name of the search space (`dartboard spaces` lists them), with options as in darts:nodes=3; "auto" chooses by
    what the data is."""

    method: MethodSettings = MethodSettings()
    """Which search method, and its options."""

    preset: str = "quick"
    """The layer of settings between the defaults and your own (`dartboard presets` lists them)."""

    genotype: dict[str, Any] | None = None
    """An architecture to train as it is, without a search."""

    reselection: ReselectionSettings | None = None
    """What `dartboard select` does; null: the method searches."""

    analysis: AnalysisSettings | None = None
    """What `dartboard analyse` does; null: nothing is analysed."""

    budget: Annotated[float, Field(gt=0)] | None = None
    """Seconds in which the command ends, the last test and the report excepted; also as "90s", "30m" or "2h". Sizes and
    lengths that you do not give are planned for this time. null: the preset gives them."""

    objective: Objective = "accuracy"
    """What counts where classes are of unequal size: "accuracy" counts images, "balanced-accuracy" counts every class
    as much as any other. The objective decides what a training does about imbalance, which epoch's weights and which of
    several architectures are the best, and by what the baselines are compared."""

    automatic_choices: tuple[AutomaticChoice, ...] = ()
    """Settings that were left open and have been chosen automatically. They are a layer between the preset and your own
    settings; a run that finds such a list chooses nothing anew."""

    seed: Seed = 0
    """Root of every random stream: the same seed and settings give the same result on the CPU."""

    seeds: tuple[Seed, ...] | None = None
    """Search once with each of these seeds, and choose among the searches. A number stands for as many seeds, from
    `seed` on; null: one search, with `seed`."""

    choose: str = DEFAULT_RULE
    """How to choose among the searches (`dartboard choice-rules` lists the rules)."""

    finalists: Annotated[int, Field(gt=0)] = 1
    """Architectures that the search proposes, the one it found among them. With more than one, each is trained from
    scratch for `short_train_epochs`, and the best on validation images is taken."""

    short_train_epochs: Annotated[int, Field(gt=0)] = 100
    """Epochs of a short training from scratch, which compares `finalists`, and seeds under "best-short-train"; at most
    the epochs of the whole training."""

    device: str = "auto"
    """"auto" takes an accelerator when there is one; or a torch device such as "cpu", "cuda:1", "mps"."""

    baselines: bool = False
    """Whether `dartboard run` also trains other networks of about the same cost (`dartboard baselines` lists them), so
    that it is plain whether the search paid off; each takes as long as the training of the network found."""

    data: DataSettings = DataSettings()
    """Reading and splitting."""

    search: SearchSettings = SearchSettings()
    """Training the supernet."""

    train: TrainSettings = TrainSettings()
    """Training the discrete network."""

    @property
    def split_seed(self) -> int:
        """Root of the random streams that say which images serve for what."""
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
        """A number (4, "4") stands for as many seeds; a text holds seeds with commas between them ("2,20,200")."""
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
                    "seeds", "input should be a number of searches, or seeds with commas between them, as in 2,20,200"
                ) from error
            first = info.data.get("seed", 0)
            seeds = range(first, first + min(count, MOST_SEEDS + 1))
        if not 1 <= len(seeds) <= MOST_SEEDS:
            raise PydanticCustomError("seeds", f"input should be from 1 to {MOST_SEEDS} searches")
        return seeds

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...] | None) -> tuple[int, ...] | None:
        for seed, times in Counter(seeds).items():
            if times > 1:
                raise PydanticCustomError("seeds", f"the seed {seed} is there twice, and every search needs its own")
        return seeds


FALLBACK = {"space": "nas-bench-201", "method.name": "single-darts"}
"""What "auto" means without a look at the data."""


def asked_settings(*layers: Mapping[str, Any]) -> RunSettings:
    """The settings of the layers alone, with the space and the method of the preset where the layers name none.

    Raises:
        UnknownNameError: the preset or the choice rule does not exist.
        SettingsError: a key is unknown or a value does not fit.
    """
    layers = tuple(map(migrate, layers))
    preset = PRESETS[resolve(RunSettings, *layers).preset].factory
    asked = resolve(RunSettings, {"space": preset.space, "method": preset.method}, *layers)
    CHOICE_RULES[asked.choose]
    return asked


def resolve_settings(*layers: Mapping[str, Any], automatic_choices: Sequence[AutomaticChoice] = ()) -> RunSettings:
    """The whole tree: defaults, the method's paper, the preset, automatic choices, then `layers`; later ones win.

    Args:
        layers: of settings.
        automatic_choices: what was chosen where the layers leave something open. A space or a method that is still
            open becomes that of `FALLBACK`.

    Raises:
        UnknownNameError: the space, the method, the preset or the choice rule does not exist.
        SettingsError: a key is unknown or a value does not fit.
        RecipeError: the method's options choose parts that do not fit together.
    """
    layers = tuple(map(migrate, layers))
    asked = asked_settings(*layers)
    preset = PRESETS[asked.preset].factory
    chosen = {choice.setting: choice.value for choice in automatic_choices or asked.automatic_choices}
    open_names = {"space": asked.space, "method.name": asked.method.name}
    names = {key: chosen.get(key, FALLBACK[key]) if name == AUTO else name for key, name in open_names.items()}
    space = get_space(names["space"])
    published = {"search": dict(make_recipe(names["method.name"], asked.method.options).published)}
    recorded = {"automatic_choices": [choice.model_dump() for choice in automatic_choices]} if automatic_choices else {}
    return resolve(
        RunSettings,
        published,
        preset(space),
        chosen,
        *layers,
        {**names, "method.options": asked.method.options, "space": space.name, **recorded},
    )
