from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import ValidationError

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.config import Settings
from dartboard.errors import DartboardError, SettingsError, UnknownNameError
from dartboard.parts import Recipe, method
from dartboard.parts.recipe import METHODS
from dartboard.settings import PRESETS, RunSettings, resolve_settings
from dartboard.settings.tree import MethodSettings
from dartboard.space import PUBLISHED, SPACES, get_space

SPACE_NAMES = [entry.name for entry in SPACES]


def values(settings: RunSettings, wanted: dict[str, Any]) -> dict[str, Any]:
    """The settings named in `wanted`, by dotted key."""
    tree = settings.model_dump()

    def find(key: str) -> Any:
        node: Any = tree
        for part in key.split("."):
            node = node[part]
        return node

    return {key: find(key) for key in wanted}


def test_darts_cifar_is_the_papers_search_and_retraining() -> None:
    wanted = {
        "search.epochs": 50,
        "search.batch_size": 64,
        "search.init_channels": 16,
        "search.layers": 8,
        "search.weight_lr": 0.025,
        "search.weight_lr_min": 0.001,
        "search.momentum": 0.9,
        "search.weight_decay": 3e-4,
        "search.grad_clip": 5.0,
        "search.augment.cutout": 0,
        "search.warmup_fraction": 0.0,
        "search.alpha_lr_factor": None,
        "train.epochs": 600,
        "train.batch_size": 96,
        "train.init_channels": 36,
        "train.layers": 20,
        "train.lr": 0.025,
        "train.lr_min": 0.0,
        "train.schedule": "cosine",
        "train.momentum": 0.9,
        "train.nesterov": False,
        "train.weight_decay": 3e-4,
        "train.grad_clip": 5.0,
        "train.label_smoothing": 0.0,
        "train.drop_path": 0.2,
        "train.auxiliary_weight": 0.4,
        "train.augment.cutout": 16,
        "data.validation_fraction": 0.0,
    }
    assert values(resolve_settings({"preset": "darts-cifar", "space": "darts"}), wanted) == wanted


def test_darts_imagenet_is_the_training_that_papers_share() -> None:
    wanted = {
        "data.image_size": 224,
        "train.epochs": 250,
        "train.batch_size": 1024,
        "train.init_channels": 48,
        "train.layers": 14,
        "train.lr": 0.5,
        "train.lr_min": 0.0,
        "train.schedule": "linear",
        "train.warmup_fraction": 5 / 250,
        "train.momentum": 0.9,
        "train.nesterov": False,
        "train.weight_decay": 3e-5,
        "train.grad_clip": 5.0,
        "train.label_smoothing": 0.1,
        "train.drop_path": 0.0,
        "train.auxiliary_weight": 0.4,
        "train.augment.cutout": 0,
        "train.augment.color_jitter": 0.4,
        "train.augment.hue_jitter": 0.2,
    }
    assert values(resolve_settings({"preset": "darts-imagenet"}), wanted) == wanted


@pytest.mark.parametrize(("preset", "epochs"), [("nas-bench-201", 200), ("nas-bench-201-12", 12)])
def test_nas_bench_201_is_the_benchmarks_training(preset: str, epochs: int) -> None:
    wanted = {
        "search.init_channels": 16,
        "search.layers": 5,
        "train.epochs": epochs,
        "train.batch_size": 256,
        "train.init_channels": 16,
        "train.layers": 5,
        "train.lr": 0.1,
        "train.lr_min": 0.0,
        "train.schedule": "cosine",
        "train.momentum": 0.9,
        "train.nesterov": True,
        "train.weight_decay": 5e-4,
        "train.grad_clip": None,
        "train.drop_path": 0.0,
        "train.auxiliary_weight": 0.0,
        "train.augment.cutout": 0,
        "data.validation_fraction": 0.0,
    }
    assert values(resolve_settings({"preset": preset, "space": "nas-bench-201"}), wanted) == wanted


def test_proxyless_is_the_authors_search_and_retraining_of_their_own_space() -> None:
    settings = resolve_settings({"preset": "proxyless"})
    assert (settings.space, settings.method.name) == ("proxyless", "proxyless")
    wanted = {
        "search.epochs": 160,
        "search.batch_size": 256,
        "search.weight_decay": 4e-5,
        "search.init_channels": 24,
        "search.layers": 21,
        "train.epochs": 300,
        "train.batch_size": 256,
        "train.init_channels": 24,
        "train.layers": 21,
        "train.lr": 0.05,
        "train.lr_min": 0.0,
        "train.schedule": "cosine",
        "train.momentum": 0.9,
        "train.nesterov": True,
        "train.weight_decay": 4e-5,
        "train.grad_clip": None,
        "train.label_smoothing": 0.1,
        "train.drop_path": 0.0,
        "train.auxiliary_weight": 0.0,
        "train.augment.cutout": 0,
        "data.validation_fraction": 0.0,
    }
    assert values(settings, wanted) == wanted


@pytest.mark.parametrize("space", [*SPACE_NAMES, "conv-stages:blocks=1", "conv-stages:blocks=8"])
@pytest.mark.parametrize("preset", [entry.name for entry in PRESETS])
def test_every_preset_fits_every_space_and_is_recorded(preset: str, space: str) -> None:
    settings = resolve_settings({"preset": preset, "space": space})
    assert settings.preset == preset
    for step in (settings.search, settings.train):
        get_space(space).plan(
            in_channels=3, num_classes=10, init_channels=step.init_channels, layers=step.layers, stem=step.stem
        )


def test_later_layers_win_over_earlier_ones_and_all_over_the_preset() -> None:
    settings = resolve_settings(
        {"preset": "smoke", "search.batch_size": 7, "train": {"batch_size": 8}}, {"search": {"batch_size": 9}}
    )
    assert settings.search.batch_size == 9
    assert settings.train.batch_size == 8
    assert settings.search.epochs == 3
    assert settings.search.momentum == 0.9


def test_the_preset_and_the_space_may_stand_in_any_layer() -> None:
    assert resolve_settings({}, {"preset": "smoke"}, {"space": "nas-bench-201"}).search.layers == 1
    assert resolve_settings({"preset": "smoke"}, {"preset": "darts-cifar"}).train.epochs == 600


def test_resolved_settings_survive_their_own_record() -> None:
    settings = resolve_settings({"preset": "quick", "seed": 3, "method.options": {"alpha_lr": 0.1}})
    assert RunSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    ("layer", "kind", "sentence"),
    [
        ({"preset": "quik"}, UnknownNameError, r"there is no preset 'quik'; did you mean 'quick'\?"),
        ({"space": "dart"}, UnknownNameError, r"there is no space 'dart'; did you mean 'darts' or"),
        ({"search.epoch": 3}, SettingsError, r"there is no setting 'search\.epoch'; did you mean 'search\.epochs'"),
        ({"serach": {}}, SettingsError, r"there is no setting 'serach'; dartboard settings lists all of them\."),
        (
            {"search.layers": 10**20},
            SettingsError,
            r"'search\.layers' cannot be 1\d+: input should be less than or equal",
        ),
        ({"data.value_range": [1, 0]}, SettingsError, "does not fit: the first value becomes 0 and the second 255"),
        ({"seed": None}, SettingsError, "the setting 'seed' cannot be empty: input should be a valid integer"),
        ({"method.options": 1}, SettingsError, "cannot be 1: input should be keys with values"),
        ({"search.epochs": 0}, SettingsError, r"the setting 'search\.epochs' cannot be 0"),
        ({"search.weight_lr": -0.1}, SettingsError, r"the setting 'search\.weight_lr' cannot be -0\.1"),
        ({"train.lr": float("inf")}, SettingsError, r"the setting 'train\.lr' cannot be inf"),
        ({"train.schedule": "steps"}, SettingsError, r"the setting 'train\.schedule' cannot be 'steps'"),
        ({"train.drop_path": 1.0}, SettingsError, r"the setting 'train\.drop_path' cannot be 1\.0"),
        ({"seeds": 0}, SettingsError, r"the setting 'seeds' cannot be 0: input should give from 1 to 100 searches"),
        ({"seeds": -4}, SettingsError, r"the setting 'seeds' cannot be -4: input should give from 1 to 100 searches"),
        ({"seeds": 10**30}, SettingsError, r"the setting 'seeds' cannot be 10+: input should give from 1 to 100"),
        ({"seeds": []}, SettingsError, r"the setting 'seeds' does not fit: input should give from 1 to 100 searches"),
        ({"seeds": "four"}, SettingsError, r"cannot be 'four': .* or seeds separated by commas, as in 2,20,200"),
        ({"seeds": True}, SettingsError, r"the setting 'seeds' cannot be True: input should be a number of searches"),
        ({"seeds": "2,20,2"}, SettingsError, r"'seeds' cannot be '2,20,2': the seed 2 is given twice"),
        ({"seeds": [1, -1]}, SettingsError, r"the setting 'seeds\.1' cannot be -1: .* greater than or equal to 0"),
        ({"seeds": "1,two"}, SettingsError, r"the setting 'seeds\.1' cannot be 'two'"),
        ({"choose": "best"}, UnknownNameError, r"there is no choice rule 'best'; known: best-short-train"),
        ({"short_train_epochs": 0}, SettingsError, r"the setting 'short_train_epochs' cannot be 0"),
    ],
)
def test_a_wrong_setting_is_answered_with_one_sentence(
    layer: dict[str, Any], kind: type[DartboardError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence) as caught:
        resolve_settings(layer)
    assert "\n" not in str(caught.value)


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        resolve_settings({}).search.epochs = 3  # type: ignore[misc]


def groups(cls: type[Settings], place: str = "") -> Iterator[tuple[str, type[Settings]]]:
    """Every group in a tree of settings, with its place."""
    for name, field in cls.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Settings):
                yield f"{place}{name}", kind
                yield from groups(kind, f"{place}{name}.")


GROUPS = dict(groups(RunSettings))
SHORT = {place: kind.short_form for place, kind in GROUPS.items() if kind.short_form}


def test_a_group_that_can_be_a_text_says_what_the_text_stands_for() -> None:
    """Otherwise a layer with the text and one with a key of the group could not be merged."""
    assert SHORT == {"method": "name"}
    for place, kind in GROUPS.items():
        if place not in SHORT:
            for value in ("darts", 1, True, ["darts"]):
                with pytest.raises(ValidationError):
                    kind.model_validate(value)


@pytest.mark.parametrize("place", SHORT)
def test_a_bare_text_is_merged_like_the_setting_that_it_stands_for(place: str) -> None:
    long, further = f"{place}.{SHORT[place]}", {f"{place}.options": {"alpha_lr": 0.1}}
    wanted = resolve_settings({long: "gdas"}, further)
    assert resolve_settings({place: "gdas"}, further) == wanted
    assert resolve_settings(further, {place: "gdas"}) == wanted
    assert resolve_settings({place: "gdas", **further}) == wanted
    assert resolve_settings({place: {SHORT[place]: "random", "options": {}}}, further, {place: "gdas"}) == wanted


def test_options_are_those_of_the_method_that_they_were_given_with() -> None:
    mine = {"method": {"name": "darts", "options": {"alpha_lr": 0.5}}}
    assert resolve_settings(mine, {"method.name": "gdas"}).method == MethodSettings(name="gdas")
    assert resolve_settings(mine, {"method": "darts"}).method.options == {"alpha_lr": 0.5}


def test_an_architecture_of_an_earlier_layer_leaves_no_trace_in_a_later_one() -> None:
    resnet, darts = PUBLISHED["nas-bench-201-resnet"].to_json(), PUBLISHED["darts-v2"].to_json()
    assert resolve_settings({"genotype": darts}, {"genotype": resnet}).genotype == resnet


def test_what_a_methods_paper_used_wins_over_presets_unless_they_are_small() -> None:
    @method("costly", paper="none")
    def costly() -> Recipe:
        """Large batches."""
        return Recipe(published={"batch_size": 256, "weight_lr_min": 0.0})

    try:
        chosen = {"method": "costly"}
        paper = resolve_settings(chosen, {"preset": "darts-cifar"}).search
        assert (paper.batch_size, paper.weight_lr_min) == (256, 0.0)
        quick = resolve_settings(chosen, {"preset": "quick"}).search
        assert (quick.batch_size, quick.weight_lr_min) == (32, 0.0)
        asked = resolve_settings(chosen, {"preset": "darts-cifar", "search.batch_size": 7}).search
        assert (asked.batch_size, asked.weight_lr_min) == (7, 0.0)
    finally:
        METHODS.remove("costly")


@pytest.mark.parametrize(
    ("seeds", "meant"),
    [
        (3, (5, 6, 7)),
        ("3", (5, 6, 7)),
        (1, (5,)),
        ("2,20, 200", (2, 20, 200)),
        ([2, 20], (2, 20)),
        ("9,5", (9, 5)),
        (None, None),
    ],
)
def test_seeds_are_a_number_from_the_seed_on_or_those_that_are_named(
    seeds: object, meant: tuple[int, ...] | None
) -> None:
    settings = resolve_settings({"seeds": seeds}, {"seed": 5})
    assert settings.seeds == meant
    assert RunSettings.model_validate(settings.model_dump(mode="json")) == settings


def test_the_split_follows_the_seed_unless_it_has_one_of_its_own() -> None:
    assert resolve_settings({"seed": 5}).split_seed == 5
    assert resolve_settings({"seed": 5, "data.split_seed": 0}).split_seed == 0
