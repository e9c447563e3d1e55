"""The tree of all settings, the presets, and how a request is resolved into settings."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from dartboard.config import Settings, resolve
from dartboard.data import DataSettings
from dartboard.errors import UnknownNameError, suggest
from dartboard.search import CHOICE_RULES, SearchSettings, make_recipe
from dartboard.space import CellPlace, SearchSpace, get_space
from dartboard.train import TrainSettings

__all__ = [
    "DEFAULT_RULE",
    "PRESETS",
    "MethodSettings",
    "Preset",
    "ReselectionSettings",
    "RunSettings",
    "resolve_settings",
]


class MethodSettings(Settings):
    """Which search method, and its options."""

    name: str = "darts"
    """Registry name (`dartboard methods` lists them)."""

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
    """Registry name of the selection: perturbation, sample, strongest or threshold."""

    options: dict[str, Any] = Field(default_factory=dict)
    """The selection's own options."""


Seed = Annotated[int, Field(ge=0)]
MOST_SEEDS = 100
DEFAULT_RULE = "best-supernet"


class RunSettings(Settings):
    """Everything that decides what a run does; `settings.json` holds it resolved."""

    source: str | None = None
    """The dataset: a folder or file, hf:owner/name, or null for the embedded digits; arrays leave their fingerprint."""

    space: str = "nas-bench-201"
    """Name of the search space (`dartboard spaces` lists them), with options as in darts:nodes=3."""

    method: MethodSettings = MethodSettings()
    """Which search method, and its options."""

    preset: str = "quick"
    """The layer of settings between the defaults and your own; see `PRESETS`."""

    genotype: dict[str, Any] | None = None
    """An architecture to train as it is, without a search."""

    reselection: ReselectionSettings | None = None
    """What `dartboard select` does; null: the method searches."""

    seed: Seed = 0
    """Root of every random stream: the same seed and settings give the same result on the CPU."""

    seeds: tuple[Seed, ...] | None = None
    """Search once with each of these seeds, and choose among the searches. A number stands for as many seeds, from
    `seed` on; null: one search, with `seed`."""

    choose: str = DEFAULT_RULE
    """How to choose among the searches: "best-supernet", "best-short-train" or "hyperdarts-rule"."""

    short_train_epochs: Annotated[int, Field(gt=0)] = 100
    """Epochs of training from scratch by which "best-short-train" compares the cells found; at most those of the
    training."""

    device: str = "auto"
    """"auto" takes an accelerator when there is one; or a torch device such as "cpu", "cuda:1", "mps"."""

    yardsticks: bool = False
    """Whether `dartboard run` also trains a random architecture of the space and a plain ResNet of about the same cost,
    so that it is plain whether the search paid off; trebles the time of training."""

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


def _darts_cifar(space: SearchSpace) -> dict[str, Any]:
    """The DARTS paper: 50 epochs of search, 600 of training, the published network size (arXiv:1806.09055)."""
    channels, layers = space.reference_size
    return {
        "data.validation_fraction": 0.0,
        "search.validation_images": None,
        "search.layers": max(SearchSettings().layers, space.skeleton.fewest_layers),
        "train.init_channels": channels,
        "train.layers": layers,
    }


def _nas_bench_201(space: SearchSpace) -> dict[str, Any]:
    """The benchmark's training: 200 epochs of SGD with Nesterov, batch 256, no cutout (arXiv:2001.00326)."""
    channels, layers = space.reference_size
    return {
        "data.validation_fraction": 0.0,
        "search.validation_images": None,
        "search.init_channels": channels,
        "search.layers": layers,
        "train": {
            "epochs": 200,
            "batch_size": 256,
            "init_channels": channels,
            "layers": layers,
            "lr": 0.1,
            "nesterov": True,
            "weight_decay": 5e-4,
            "grad_clip": None,
            "drop_path": 0.0,
            "auxiliary_weight": 0.0,
            "augment.cutout": 0,
        },
    }


def _nas_bench_201_12(space: SearchSpace) -> dict[str, Any]:
    """The same over 12 epochs, the benchmark's short schedule."""
    preset = _nas_bench_201(space)
    return {**preset, "train": {**preset["train"], "epochs": 12}}


def _quick(space: SearchSpace) -> dict[str, Any]:
    """Minutes on a CPU: a small supernet, then a short one-cycle training; epochs follow from the dataset's size.

    The search sees fewer images where an image costs more: a supernet's cost grows with its edges and operations.
    """
    channels, layers = space.small_size
    fewest = space.skeleton.fewest_layers
    plan = space.plan(in_channels=3, num_classes=2, init_channels=channels // 2, layers=fewest)
    cells = sum(isinstance(place, CellPlace) for place in plan.places)
    return {
        "yardsticks": True,
        "short_train_epochs": 10,
        "search": {
            "epochs": None,
            "images": 1_440_000 // (cells * math.prod(space.alpha_shape)),
            "batch_size": 32,
            "init_channels": channels // 2,
            "layers": fewest,
            "weight_lr": 0.1,
            "warmup_fraction": 0.4,
            "alpha_lr_factor": 20.0,
        },
        "train": {
            "epochs": None,
            "batch_size": 64,
            "init_channels": channels,
            "layers": layers,
            "lr": 0.1,
            "schedule": "one-cycle",
            "nesterov": True,
            "weight_decay": 5e-4,
            "label_smoothing": 0.1,
            "drop_path": 0.0,
            "auxiliary_weight": 0.0,
            "augment.cutout": 0,
        },
    }


def _smoke(space: SearchSpace) -> dict[str, Any]:
    """Seconds: the same path with a tiny network and as many epochs as methods have stages; accuracy is no aim."""
    size = {"batch_size": 32, "init_channels": 4, "layers": space.skeleton.fewest_layers}
    train = {"epochs": 2, "auxiliary_weight": 0.0, "drop_path": 0.0, "augment.cutout": 0}
    return {"short_train_epochs": 1, "search": {**size, "epochs": 3}, "train": {**size, **train}}


@dataclass(frozen=True)
class Preset:
    """A layer of settings between the defaults and the user's.

    Attributes:
        space: the space that it is made for, taken unless another is asked for.
        layer: the settings for a space.
    """

    space: str
    layer: Callable[[SearchSpace], dict[str, Any]]


PRESETS: Mapping[str, Preset] = {
    "quick": Preset("nas-bench-201", _quick),
    "darts-cifar": Preset("darts", _darts_cifar),
    "nas-bench-201": Preset("nas-bench-201", _nas_bench_201),
    "nas-bench-201-12": Preset("nas-bench-201", _nas_bench_201_12),
    "smoke": Preset("nas-bench-201", _smoke),
}
"""Name -> preset."""


def resolve_settings(*layers: Mapping[str, Any]) -> RunSettings:
    """Defaults < what the method's paper used < preset < `layers`, later ones winning.

    Raises:
        UnknownNameError: the space, the method, the preset or the rule of choice does not exist.
        SettingsError: a key is unknown or a value does not fit.
        RecipeError: the method's options choose parts that do not fit together.
    """
    name = resolve(RunSettings, *layers).preset
    if name not in PRESETS:
        raise UnknownNameError(f"there is no preset '{name}'; {suggest(name, PRESETS)}")
    preset = PRESETS[name]
    asked = resolve(RunSettings, {"space": preset.space}, *layers)
    CHOICE_RULES[asked.choose]
    space = get_space(asked.space)
    published = {"search": dict(make_recipe(asked.method.name, asked.method.options).published)}
    return resolve(RunSettings, {"space": preset.space}, published, preset.layer(space), *layers, {"space": space.name})
