"""No dead knobs: every field of every settings class changes what a search or a training leaves behind."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.config import Settings
from dartboard.data import AugmentSettings
from dartboard.engine import SearchSettings
from dartboard.runs import RunDirectory
from dartboard.session import search_genotype, train_networks
from dartboard.space import CellGenotype, Choice, Genotype
from dartboard.testing import Outcome, open_small, outcome
from dartboard.training import TrainSettings

Layer = Mapping[str, Any]

SEARCH: Layer = {"search.epochs": 2, "search.steps_per_epoch": 2}
TRAIN: Layer = {"train.epochs": 2}
FOLLOWS: Layer = {"search.epochs": None, "search.steps_per_epoch": None}
LARGE: Layer = {"data.image_size": 64, "search.steps_per_epoch": 1, "search.epochs": 1, "train.epochs": 1}
ONE_CYCLE: Layer = {"train.schedule": "one-cycle"}

MUON: Layer = {"train.optimizer": "muon"}

GENOTYPE = Genotype(
    "small",
    tuple(
        (kind, CellGenotype(tuple(Choice(node, source, op) for node in (2, 3) for source in (0, 1)), (2, 3)))
        for kind, op in (("normal", "nor_conv_1x1"), ("reduce", "max_pool_3x3"))
    ),
)

SEARCH_FIELDS: dict[str, tuple[Any, Layer]] = {
    "epochs": (1, {}),
    "steps_per_epoch": (1, {}),
    "seconds": (1e-6, {}),
    "images": (60, FOLLOWS | {"search.images": 120}),
    "batch_size": (4, {}),
    "init_channels": (2, {}),
    "layers": (4, {}),
    "stem": ("imagenet", LARGE),
    "weight_lr": (0.05, {}),
    "weight_lr_min": (0.01, {}),
    "alpha_lr_factor": (2.0, {}),
    "start_at": (GENOTYPE.to_json(), {}),
    "start_lead": (1.0, {"search.start_at": GENOTYPE.to_json()}),
    "warmup_fraction": (0.5, {}),
    "momentum": (0.5, {}),
    "weight_decay": (0.1, {}),
    "grad_clip": (0.01, {}),
    "validation_images": (5, {}),
    "weight_lr_warmup": (0.9, {}),
    "image_shares": ((0.3, 0.2), {}),
    "choose_fraction": (0.5, {}),
    "decision_images": (3, {"method.name": "darts-pt"}),
    "curvature_every": (1, {}),
    "watch": (("discretisation-gap",), {}),
    "watch_share": (1e-9, {"search.watch": ("discretisation-gap",), "search.watch_share": 1e9}),
    "guard": ("stop", {}),
    "snapshots": (2, {}),
    "pool_share": (0.5, {"method.name": "random-search", "method.options": {"members": 4, "length": 1}}),
}
"""Field -> (another value, what else must be set on both sides for it to matter)."""

TRAIN_FIELDS: dict[str, tuple[Any, Layer]] = {
    "runs": (2, {}),
    "epochs": (1, {}),
    "steps_per_epoch": (1, {}),
    "keep": ("best", {}),
    "images": (320, {"train.epochs": None, "train.images": 290}),
    "batch_size": (5, {}),
    "init_channels": (2, {}),
    "layers": (4, {}),
    "stem": ("imagenet", LARGE),
    "lr": (0.05, {}),
    "lr_min": (0.01, {}),
    "schedule": ("one-cycle", {}),
    "warmup_fraction": (0.6, ONE_CYCLE),
    "momentum": (0.5, {}),
    "nesterov": (True, {}),
    "weight_decay": (0.1, {}),
    "decay_norms": (False, {"train.weight_decay": 0.1}),
    "grad_clip": (0.01, {}),
    "label_smoothing": (0.1, {}),
    "drop_path": (0.5, {}),
    "auxiliary_weight": (0.4, {}),
    "imbalance": ("balanced-sampling", {}),
    "precision": ("bfloat16", {}),
    "optimizer": ("muon", {}),
    "muon_lr": (0.1, MUON),
    "muon_momentum": (0.1, MUON),
    "decoupled_decay": (True, {"train.weight_decay": 0.1}),
    "norm_shift_rate": (8.0, {}),
    "norm_scale": ("fixed", {}),
    "norm_momentum": (0.4, {}),
    "whiten": (True, {}),
    "identity_start": (True, {"data.image_size": 16, "train.layers": 3}),
    "average": ("lookahead", {}),
    "views": ("mirrored", {}),
    "progressive_resizing": (True, {}),
    "hold_out": (False, {}),
}

SPEED_ONLY = {"compile", "cuda_graph"}
"""Fields that change how fast a training or a search is and nothing else."""

COLOUR_ONLY = {"hue_jitter"}
"""Fields without effect on the gray images here; tests/unit/data/test_colours.py has their effect."""

OUTSIDE = {"evaluate", "storage", "study"}
"""Fields of searches without a supernet that name a table or a database; tests/unit/session/test_discrete.py and
test_shared_search.py have their effect."""

AFTER_A_SEARCH = {"start", "shrink"}
"""Fields of trainings that follow a search; tests/unit/session/test_inheritance.py has their effect."""


AUGMENT_FIELDS: dict[str, tuple[Any, Layer]] = {
    "flip": (False, {}),
    "crop_padding": (3, {}),
    "border": ("reflect", {"search.augment.crop_padding": 2, "train.augment.crop_padding": 2}),
    "min_scale": (0.5, {}),
    "cutout": (4, {}),
    "color_jitter": (0.4, {}),
}


pytestmark = pytest.mark.usefixtures("small_space")


def search(folder: Path, *layers: Layer) -> Outcome:
    with RunDirectory(folder) as run:
        search_genotype(open_small(run, SEARCH, *layers))
    return outcome(folder)


def train(folder: Path, *layers: Layer) -> Outcome:
    with RunDirectory(folder) as run:
        train_networks(open_small(run, TRAIN, *layers), GENOTYPE)
    return outcome(folder)


Plain = Callable[[Callable[..., Outcome], str], Outcome]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """The outcome of a step under some settings, given as JSON; computed once."""
    return cache(lambda step, layer: step(tmp_path_factory.mktemp("plain"), json.loads(layer)))


@pytest.mark.parametrize(
    ("settings", "table"),
    [(SearchSettings, SEARCH_FIELDS), (TrainSettings, TRAIN_FIELDS), (AugmentSettings, AUGMENT_FIELDS)],
)
def test_the_tables_of_this_file_name_every_field(settings: type[Settings], table: dict[str, object]) -> None:
    elsewhere = {"augment"} | SPEED_ONLY | COLOUR_ONLY | AFTER_A_SEARCH | OUTSIDE
    assert set(table) == set(settings.model_fields) - elsewhere


@pytest.mark.parametrize("field", [*SEARCH_FIELDS, *(f"augment.{name}" for name in AUGMENT_FIELDS)])
def test_every_field_of_the_search_settings_changes_the_search(field: str, plain: Plain, tmp_path: Path) -> None:
    value, base = (SEARCH_FIELDS | {f"augment.{name}": case for name, case in AUGMENT_FIELDS.items()})[field]
    assert search(tmp_path, base, {f"search.{field}": value}) != plain(search, json.dumps(base))


@pytest.mark.parametrize("field", [*TRAIN_FIELDS, *(f"augment.{name}" for name in AUGMENT_FIELDS)])
def test_every_field_of_the_train_settings_changes_the_training(field: str, plain: Plain, tmp_path: Path) -> None:
    value, base = (TRAIN_FIELDS | {f"augment.{name}": case for name, case in AUGMENT_FIELDS.items()})[field]
    assert train(tmp_path, base, {f"train.{field}": value}) != plain(train, json.dumps(base))


def test_the_same_settings_change_nothing(plain: Plain, tmp_path: Path) -> None:
    assert search(tmp_path / "search") == plain(search, "{}")
    assert train(tmp_path / "train") == plain(train, "{}")


def test_only_the_validation_score_depends_on_the_number_of_validation_images(plain: Plain, tmp_path: Path) -> None:
    fewer = search(tmp_path, {"search.validation_images": 5})
    assert fewer["checkpoints"] == plain(search, "{}")["checkpoints"]
