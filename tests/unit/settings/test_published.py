from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.parts import Recipe, SharpeningInShares, method
from dartboard.parts.fits import does_fit
from dartboard.parts.recipe import METHODS, make_recipe
from dartboard.parts.rules.curvature import interval
from dartboard.settings import PRESETS, RunSettings, preset, resolve_settings
from dartboard.settings.published import published_in, published_steps
from dartboard.settings.replaced import replaced_settings
from dartboard.settings.request import check_method, search_request
from dartboard.space import CellPlace, SearchSpace, get_space
from dartboard.workflow.compare import plan_comparison

LARGE = [entry.name for entry in PRESETS if not entry.factory.is_small]
SMALL = [entry.name for entry in PRESETS if entry.factory.is_small]


class Run(NamedTuple):
    """What a method would search with."""

    settings: RunSettings
    space: SearchSpace
    recipe: Recipe


@cache
def runs(*presets: str, spaces: tuple[str, ...] = ("darts", "nas-bench-201")) -> list[Run]:
    """Settings, space and recipe of every method in every space that it fits, under every preset."""
    made = []
    for entry in METHODS:
        for space in map(get_space, spaces):
            if does_fit(make_recipe(entry.name, {}), space):
                for name in presets:
                    settings = resolve_settings({"preset": name, "space": space.name, "method": entry.name})
                    made.append(Run(settings, space, make_recipe(entry.name, settings.method.options)))
    return made


def published(space: SearchSpace, recipe: Recipe, preset: str) -> Mapping[str, Any]:
    """What a paper sets, by dotted names."""
    own = published_in(space, recipe, preset)
    return {**own.settings, **{f"method.options.{name}": value for name, value in own.options.items()}}


def found(settings: RunSettings, names: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of these dotted names."""
    plain = settings.model_dump(mode="json")
    groups = {f"{group}.": plain[group] for group in ("search", "train")} | {
        "method.options.": plain["method"]["options"]
    }
    every = {f"{group}{name}": value for group, own in groups.items() for name, value in own.items()}
    return {name: every[name] for name in names}


def test_what_a_paper_sets_takes_effect_under_every_preset_that_is_not_small() -> None:
    seen = set()
    for settings, space, recipe in runs(*LARGE):
        wanted = published(space, recipe, settings.preset)
        assert found(settings, wanted) == wanted, (settings.method.name, settings.preset, space.name)
        assert replaced_settings(settings) == ()
        seen |= {settings.method.name} if wanted else set()
    assert len(seen) > 20, "the methods whose papers set something"


def test_a_small_preset_names_all_that_it_replaces() -> None:
    for settings, space, recipe in runs(*SMALL):
        wanted = published(space, recipe, settings.preset)
        now = found(settings, wanted)
        told = replaced_settings(settings)
        assert {each.setting: each.value for each in told} == {key: now[key] for key in now if now[key] != wanted[key]}
        assert all(each.published == wanted[each.setting] for each in told)
        assert {each.by for each in told} <= {f"the preset {settings.preset}"}


@pytest.mark.parametrize(
    ("name", "space", "wanted"),
    [
        ("p-darts", "darts", {"layers": 5, "epochs": 75, "batch_size": 96}),
        ("drnas-progressive", "darts", {"layers": 20, "init_channels": 36, "weight_lr": 0.1, "batch_size": 64}),
        ("drnas-progressive", "nas-bench-201", {"layers": 5, "init_channels": 16, "epochs": 100, "weight_lr": 0.025}),
        ("drnas", "nas-bench-201", {"epochs": 100, "batch_size": 64}),
        ("single-darts", "nas-bench-201", {"weight_lr": 0.005, "batch_size": 64}),
        ("single-darts", "darts", {"weight_lr": 0.025, "epochs": 50}),  # in batches that the data decides
        ("hyperdarts-1", "darts", {"weight_lr": 0.05, "batch_size": 48, "epochs": 49}),
        ("pc-darts", "darts", {"weight_lr": 0.1, "batch_size": 256, "epochs": 50}),
        ("gdas", "darts", {"epochs": 250, "batch_size": 256}),
        ("gdas", "nas-bench-201", {"epochs": 250, "batch_size": 64, "weight_decay": 5e-4}),
        ("beta-darts", "nas-bench-201", {"epochs": 100}),
        ("beta-darts", "darts", {"epochs": 50}),
        ("darts", "darts", {"epochs": 50, "batch_size": 64, "layers": 8, "init_channels": 16}),
    ],
)
def test_the_published_settings_are_those_of_the_papers(name: str, space: str, wanted: Mapping[str, Any]) -> None:
    for each in ("darts-cifar", "darts-imagenet"):
        settings = resolve_settings({"preset": each, "space": space, "method": name})
        assert found(settings, {f"search.{key}": None for key in wanted}) == {
            f"search.{key}": value for key, value in wanted.items()
        }


@pytest.mark.parametrize("name", LARGE)
def test_a_supernet_has_the_size_that_papers_search_and_not_that_of_their_networks(name: str) -> None:
    wanted = {"darts": (16, 8), "robust-s2": (16, 8), "nas-bench-201": (16, 5)}
    for space, size in wanted.items():
        search = resolve_settings({"preset": name, "space": space, "method": "darts"}).search
        assert (search.init_channels, search.layers) == size


def depths(preset_name: str, **search: int) -> list[list[int]]:
    """Where the reductions of P-DARTS' three supernets are, each followed by the number of cells."""
    layer = {f"search.{key}": value for key, value in search.items()}
    settings = resolve_settings({"preset": preset_name, "space": "darts", "method": "p-darts", **layer})
    space, places = get_space("darts"), []
    for stage in make_recipe("p-darts", settings.method.options).stages:
        layers = space.skeleton.deepen(settings.search.layers, stage.recipe.deeper)
        cells = space.plan(in_channels=3, num_classes=10, init_channels=16, layers=layers).places
        kinds = [place.kind for place in cells if isinstance(place, CellPlace)]
        places.append([*(index for index, kind in enumerate(kinds) if kind == "reduce"), len(kinds)])
    return places


def test_p_darts_keeps_its_layout_however_small() -> None:
    published_depths = [[1, 3, 5], [3, 7, 11], [5, 11, 17]]
    for name in ("darts-cifar", "darts-imagenet"):
        assert depths(name) == published_depths
    for name in SMALL:
        assert depths(name) == [[1, 3, 5], [2, 5, 8], [3, 7, 11]]
    assert depths("darts-cifar", layers=8)[0][-1] == 8, "the user's own depth"


def test_the_user_wins_and_the_plan_says_so() -> None:
    settings = resolve_settings({"preset": "darts-cifar", "method": "p-darts", "search.layers": 8, "search.epochs": 75})
    (told,) = replaced_settings(settings)
    assert str(told) == "search.layers 8 for 5 (your settings)"
    quick = resolve_settings({"preset": "quick", "space": "darts", "method": "p-darts", "search.batch_size": 8})
    by = {each.setting: each.by for each in replaced_settings(quick)}
    assert by["search.batch_size"] == "your settings"
    assert by["search.epochs"] == by["method.options.deeper"] == "the preset quick"


def test_options_of_a_paper_give_way_to_the_users() -> None:
    asked = {"preset": "nas-bench-201", "method": {"name": "drnas", "options": {"channel_share": 2}}}
    settings = resolve_settings(asked)
    assert settings.method.options == {"channel_share": 2, "warm_up": 0.0, "none": True}
    assert [each.setting for each in replaced_settings(settings)] == ["method.options.channel_share"]


def test_resolved_settings_resolve_to_themselves() -> None:
    """So that a resumed run, or a run from recorded settings, is the same run."""
    for settings, _, _ in runs("quick", spaces=("darts",)):
        assert resolve_settings(settings.model_dump(mode="json")) == settings


def test_every_contender_of_a_comparison_has_the_settings_of_its_own_paper() -> None:
    plan = plan_comparison(None, [{"preset": "darts-cifar", "search.epochs": 7}], ["pc-darts", "darts"], 1, train=False)
    first, second = (
        search_request(None, plan.layers_of(seed, each), plan.steps).resolved().search for seed, each in plan.pairs()
    )
    assert (first.batch_size, first.weight_lr) == (256, 0.1)
    assert (second.batch_size, second.weight_lr) == (64, 0.025)
    assert first.epochs == second.epochs == 7


@examples(max_examples=40)
@given(st.integers(5, 150), st.sampled_from(["p-darts", "pc-darts", "drnas", "dots", "sgas", "cdarts", "proxyless"]))
def test_half_the_length_has_half_the_warm_up(half: int, name: str) -> None:
    for stage in make_recipe(name, {}).stages:
        whole, part = (epochs - stage.recipe.alpha_steps(epochs, 1) for epochs in (2 * half, half))
        assert abs(whole / 2 - part) <= 1
    test, smaller = (SharpeningInShares().within(epochs) for epochs in (2 * half, half))
    assert abs(test.first / 2 - smaller.first) <= interval(1 / 25, 2 * half), "to within a measurement"


def test_a_preset_of_another_package_is_large_unless_it_says_that_it_is_small() -> None:
    @method("many-epochs")
    def many_epochs() -> Recipe:
        """A method of many epochs."""
        return Recipe(published={"epochs": 300})

    for is_small in (False, True):

        @preset("brief", is_small=is_small)
        def brief(_space: SearchSpace) -> dict[str, Any]:
            """A brief search."""
            return {"search.epochs": 7}

        try:
            settings = resolve_settings({"preset": "brief", "space": "darts", "method": "many-epochs"})
            assert settings.search.epochs == (7 if is_small else 300)
            assert [each.by for each in replaced_settings(settings)] == ["the preset brief"] * is_small
        finally:
            PRESETS.remove("brief")
    METHODS.remove("many-epochs")


def test_every_method_can_be_built_under_the_presets_of_its_space() -> None:
    """Published depths and widths must fit the published shares of the channels."""
    for settings, space, _ in runs(*LARGE):
        if PRESETS[settings.preset].factory.space == space.name:
            check_method(settings)


@pytest.mark.parametrize(
    ("name", "space", "wanted"),
    [
        ("darts", "darts", (19_550,)),
        ("fair-darts", "darts", (9_800,)),
        ("pc-darts", "darts", (3_430,)),
        ("p-darts", "darts", (3_915, 3_915, 3_915)),
        ("single-darts", "nas-bench-201", (39_100,)),
        ("drnas", "nas-bench-201", (39_100,)),
        ("drnas-progressive", "nas-bench-201", (15_640, 15_640)),
        ("dots", "darts", (15 * 391, 20 * 782)),
    ],
)
def test_the_steps_of_the_published_searches(name: str, space: str, wanted: tuple[int, ...]) -> None:
    options = resolve_settings({"preset": "darts-cifar", "space": space, "method": name}).method.options
    assert published_steps(get_space(space), make_recipe(name, options)) == wanted


def test_no_paper_sets_the_depth_of_a_space_that_has_but_one() -> None:
    for space in ("proxyless", "conv-stages"):
        for settings, _, _ in runs("darts-cifar", spaces=(space,)):
            assert settings.search.layers == get_space(space).reference_size[1]
