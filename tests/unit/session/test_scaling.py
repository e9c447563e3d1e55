"""The width of a trained network under a limit of multiply-adds."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import dartboard
from dartboard.errors import SettingsError
from dartboard.runs import Observer
from dartboard.session import Session, check_limit, open_session, within_limit
from dartboard.session.baselines import multiply_adds
from dartboard.session.scaling import largest_width
from dartboard.settings import resolve_settings
from dartboard.space import PUBLISHED, get_space

CELL = PUBLISHED["nas-bench-201-resnet"]
TINY = {"space": "nas-bench-201", "preset": "smoke", "device": "cpu", "data.max_train_images": 60, "train.epochs": 1}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with open_session(resolve_settings(TINY), tmp_path / "run", resume=True, observer=Observer()) as opened:
        opened.begin()
        yield opened


def limited(session: Session, limit: int) -> Session:
    train = session.settings.train.model_copy(update={"max_multiply_adds": limit})
    return replace(session, settings=session.settings.model_copy(update={"train": train}))


@pytest.mark.parametrize("limit", [200_000, 1_000_000, 12_345_678])
def test_the_network_is_as_wide_as_the_limit_allows(session: Session, limit: int) -> None:
    width = within_limit(limited(session, limit), CELL).settings.train.init_channels
    layers = session.settings.train.layers
    assert width % 2 == 0
    assert multiply_adds(session, CELL, width, layers) <= limit < multiply_adds(session, CELL, width + 2, layers)
    assert within_limit(session, CELL) is session


def test_a_cell_of_darts_is_scaled_to_600_million_as_for_imagenet(session: Session) -> None:
    """14 cells at 224 pixels (arXiv:2108.08128): 48 channels have 530 million, so a few more fit."""
    photographs = SimpleNamespace(image_shape=(3, 224, 224), classes=tuple(map(str, range(1000))))
    of_photographs = replace(session, dataset=photographs)  # type: ignore[arg-type]
    v2 = PUBLISHED["darts-v2"]
    assert multiply_adds(of_photographs, v2, 48, 14) == pytest.approx(529.9e6, rel=1e-4)
    width = largest_width(of_photographs, v2, 14, 600_000_000)
    assert width > 48
    assert multiply_adds(of_photographs, v2, width, 14) <= 600e6 < multiply_adds(of_photographs, v2, width + 2, 14)


def test_a_limit_below_the_narrowest_network_is_refused(session: Session) -> None:
    with pytest.raises(SettingsError, match=r"the narrowest network of this architecture has .* raise the limit"):
        within_limit(limited(session, 10), CELL)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [({"budget": "10m"}, "and a budget both decide"), ({"train.start": "supernet"}, "of the width of the search")],
)
def test_what_else_decides_the_width_is_refused_beside_a_limit(
    session: Session, layer: dict[str, str], sentence: str
) -> None:
    settings = resolve_settings(TINY, {"train.max_multiply_adds": 10**6}, layer)
    with pytest.raises(SettingsError, match=sentence):
        check_limit(replace(session, settings=settings), ("search", "train"))
    check_limit(replace(session, settings=settings), ("search",))


def test_a_training_says_its_width_and_its_summary_has_the_cost(tmp_path: Path) -> None:
    result = dartboard.train(
        None, TINY, {"train.max_multiply_adds": 500_000}, genotype="nas-bench-201-resnet", out=tmp_path / "run"
    )
    assert result.multiply_adds is not None
    assert 300_000 < result.multiply_adds <= 500_000
    assert dartboard.load(tmp_path / "run") is not None
    assert get_space(result.space).name == "nas-bench-201"
