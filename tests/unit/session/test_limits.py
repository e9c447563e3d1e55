"""The limits of a run: the width of the trained network, what is refused before a search, and what meets them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import dartboard
from dartboard.engine.discrete import _Loop
from dartboard.errors import SettingsError
from dartboard.parts.selection import UniformlyRandom
from dartboard.records import LimitsRecord
from dartboard.runs import Observer
from dartboard.session import Session, check_limit, open_session, within_limit
from dartboard.session.baselines import find_baselines, multiply_adds
from dartboard.session.limits import costs_of, fitting_width, limit_of, limited_recipe
from dartboard.session.search import search_recipe
from dartboard.settings import resolve_settings
from dartboard.space import PUBLISHED, Genotype, SearchSpace, get_space

CELL = PUBLISHED["nas-bench-201-resnet"]
TINY = {"space": "nas-bench-201", "preset": "smoke", "device": "cpu", "data.max_train_images": 60, "train.epochs": 1}
WIDEST = {"limits.width": "widest"}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_session(resolve_settings(TINY), tmp_path / "run", resume=True, observer=Observer()) as opened:
        opened.begin()
        yield opened


def limited(session: Session, **layer: object) -> Session:
    settings = resolve_settings(TINY, {name.replace("__", "."): value for name, value in layer.items()})
    return replace(session, settings=settings)


@pytest.mark.parametrize("limit", [200_000, 1_000_000, 12_345_678])
def test_the_widest_network_is_as_wide_as_the_limit_allows(session: Session, limit: int) -> None:
    width = within_limit(
        limited(session, limits__macs=limit, limits__width="widest"), CELL
    ).settings.train.init_channels
    layers = session.settings.train.layers
    assert width % 2 == 0
    assert multiply_adds(session, CELL, width, layers) <= limit < multiply_adds(session, CELL, width + 2, layers)
    assert within_limit(session, CELL) is session


def test_a_network_becomes_narrower_and_never_wider_than_the_settings_say(session: Session) -> None:
    wide = limited(session, limits__params="20k", train__init_channels=24)
    width = fitting_width(wide, CELL)
    assert width is not None
    assert costs_of(wide, CELL, width)["params"] <= 20_000 < costs_of(wide, CELL, width + 2)["params"]
    assert fitting_width(limited(session, limits__params="20M", train__init_channels=7), CELL) == 7
    assert fitting_width(limited(session, limits__params="20", train__init_channels=7), CELL) is None


def test_a_cell_of_darts_is_scaled_to_600_million_as_for_imagenet(session: Session) -> None:
    """14 cells at 224 pixels (arXiv:2108.08128): 48 channels have 530 million, so a few more fit."""
    photographs = SimpleNamespace(image_shape=(3, 224, 224), classes=tuple(map(str, range(1000))))
    large = limited(session, limits__macs="600M", limits__width="widest", train__layers=14)
    of_photographs = replace(large, dataset=photographs)  # type: ignore[arg-type]
    v2 = PUBLISHED["darts-v2"]
    assert multiply_adds(of_photographs, v2, 48, 14) == pytest.approx(529.9e6, rel=1e-4)
    width = fitting_width(of_photographs, v2)
    assert width is not None
    assert width > 48
    assert multiply_adds(of_photographs, v2, width, 14) <= 600e6 < multiply_adds(of_photographs, v2, width + 2, 14)


def test_a_limit_below_the_narrowest_network_is_refused(session: Session) -> None:
    with pytest.raises(SettingsError, match=r"the narrowest network of this architecture .* raise the limit"):
        within_limit(limited(session, limits__macs=10), CELL)


def test_a_search_is_refused_before_it_begins_if_nothing_can_meet_a_limit(session: Session) -> None:
    with pytest.raises(SettingsError, match=r"the smallest network of 'nas-bench-201' \(2 channels, .* raise the"):
        check_limit(limited(session, limits__params=100), ("search", "train"))
    check_limit(limited(session, limits__params=2_000), ("search", "train"))


@pytest.mark.parametrize(
    ("layer", "sentence"), [({"budget": "10m"}, "a budget both decide"), ({"train__start": "supernet"}, "both decide")]
)
def test_what_else_decides_the_width_is_refused_beside_the_widest(
    session: Session, layer: dict[str, str], sentence: str
) -> None:
    both = limited(session, limits__macs="1M", limits__width="widest", **layer)
    with pytest.raises(SettingsError, match=sentence):
        check_limit(both, ("search", "train"))
    check_limit(limited(session, limits__macs="1M", **layer), ("search", "train"))


def test_a_training_from_the_supernet_keeps_its_width(session: Session) -> None:
    fixed = limited(session, limits__params="3k", train__start="supernet", train__init_channels=24)
    with pytest.raises(SettingsError, match=r"the smallest network .* \(24 channels"):
        check_limit(fixed, ("search", "train"))


def test_architectures_are_chosen_at_a_width_at_which_the_middle_one_of_the_space_fits(session: Session) -> None:
    limit = limit_of(limited(session, limits__params="20k", train__init_channels=64))
    assert limit is not None
    assert not limit.admits(PUBLISHED["nas-bench-201-resnet"]) or limit.costs[0].fixed < 1
    assert limit.costs[0].name == "params"
    assert 0 < limit.costs[0].fixed < 1
    assert limit_of(session) is None
    assert limit_of(limited(session, limits__params="20k", limits__width="widest")) is None


def test_the_recipe_gets_a_pull_only_with_limits(session: Session) -> None:
    recipe = search_recipe(session.settings)
    assert limited_recipe(session, recipe) == recipe
    assert len(limited_recipe(limited(session, limits__macs="1M"), recipe).rules) == len(recipe.rules) + 1
    assert limited_recipe(limited(session, limits__macs="1M", limits__pull=0), recipe) == recipe


def test_baselines_meet_the_limits_too(session: Session) -> None:
    small = limited(session, limits__params="6k", train__init_channels=16)
    for each in find_baselines(small, CELL):
        sized = limited(session, limits__params="6k", train__layers=each.layers)
        assert costs_of(sized, each.genotype, each.init_channels)["params"] <= 6_000
    assert {each.name for each in find_baselines(small, CELL)} >= {"random", "resnet"}


def test_a_search_and_its_training_meet_the_limits_and_say_how(tmp_path: Path) -> None:
    limits = {"limits.params": "3k", "limits.macs": "60k", "train.init_channels": 8, "baselines": False}
    result = dartboard.run(None, TINY, {"method": "darts", "search.epochs": 1}, limits, out=tmp_path / "run")
    assert result.limits is not None
    assert result.parameters is not None
    assert result.parameters <= 3_000
    assert result.multiply_adds is not None
    assert result.multiply_adds <= 60_000
    assert all(each.met for each in result.limits.limits)
    assert [each.value for each in result.limits.limits] == [result.parameters, result.multiply_adds]
    assert result.limits == LimitsRecord.find(tmp_path / "run")
    assert set(result.limits.expected) == {"params", "macs"}
    assert "Limits" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    again = dartboard.run(
        None, TINY, {"method": "darts", "search.epochs": 1}, limits, out=tmp_path / "run", resume=True
    )
    assert again.limits == result.limits


def test_a_training_with_the_earlier_setting_is_as_wide_as_it_allows(tmp_path: Path) -> None:
    result = dartboard.train(
        None, TINY, {"train.max_multiply_adds": 500_000}, genotype="nas-bench-201-resnet", out=tmp_path / "run"
    )
    assert result.multiply_adds is not None
    assert 300_000 < result.multiply_adds <= 500_000
    assert dartboard.load(tmp_path / "run") is not None


def test_a_search_without_a_supernet_evaluates_only_what_meets_the_limits(session: Session) -> None:
    class Sampler:
        """Proposes random architectures."""

        def propose(self, _pool: object, space: SearchSpace, count: int, generator: torch.Generator) -> list[Genotype]:
            return [UniformlyRandom()(space, {}, generator) for _ in range(count)]

    limit = limit_of(limited(session, limits__macs="150k", train__init_channels=8))
    assert limit is not None
    problem = SimpleNamespace(space=get_space("nas-bench-201"), limit=limit)
    loop = _Loop.__new__(_Loop)
    loop.problem, loop.search = problem, SimpleNamespace(sampler=Sampler())  # type: ignore[assignment]
    loop.seed, loop.pool = 0, SimpleNamespace(members=())  # type: ignore[assignment]
    found = loop._within_limit(6)
    assert len(found) == 6
    assert all(map(limit.admits, found))
    problem.limit = None
    assert len(loop._within_limit(6)) == 6
