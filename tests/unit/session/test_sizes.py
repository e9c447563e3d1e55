from pathlib import Path

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import SettingsError
from dartboard.runs import Observer
from dartboard.session import Session, check_sizes, open_session, search_length, train_epochs
from dartboard.settings import resolve_settings

TINY = {
    "space": "nas-bench-201",
    "preset": "smoke",
    "device": "cpu",
    "data.max_train_images": 60,
    "search": {"epochs": 1, "steps_per_epoch": 1, "validation_images": 16},
    "train": {"epochs": 1, "runs": 2},
}


def opened(folder: Path, *layers: dict[str, object]) -> Session:
    with open_session(resolve_settings(TINY, *layers), folder, resume=True, observer=Observer()) as session:
        session.begin()
        return session


def images_of_32_pixels(asked: int) -> dict[str, object]:
    """Settings under which the length follows from `search.images`; one image of 32x32 counts as two of 8x8."""
    return {"search.epochs": None, "search.steps_per_epoch": None, "search.images": asked}


@pytest.mark.parametrize(
    ("layer", "epochs", "steps"),
    [
        ({"search.epochs": 3, "search.steps_per_epoch": None}, 3, None),
        ({"search.epochs": 3, "search.steps_per_epoch": 1}, 3, 1),
        ({"search.epochs": 3, "search.steps_per_epoch": 99}, 3, 99),
        ({"search.batch_size": 500, "search.steps_per_epoch": None}, 1, None),
        (images_of_32_pixels(160), round(2 * 160 / 21), 2),
        (images_of_32_pixels(40), 10, 1),
        (images_of_32_pixels(10**6), 50, 2 * 10**6 // (50 * 8)),
    ],
)
def test_a_search_lasts_as_asked_or_as_its_images_allow(
    tmp_path: Path, layer: dict[str, object], epochs: int, steps: int | None
) -> None:
    session = opened(tmp_path / "run", {"search.batch_size": 8}, layer)
    assert len(session.splits.weights) == 21
    assert search_length(session) == (epochs, steps)


@pytest.mark.parametrize(("images", "epochs"), [(400, round(2 * 400 / 42)), (1, 8), (10**6, 60)])
def test_a_training_lasts_as_asked_or_shows_its_images(tmp_path: Path, images: int, epochs: int) -> None:
    assert train_epochs(opened(tmp_path / "asked", {"train.epochs": 5})) == 5
    session = opened(tmp_path / "follows", {"train.epochs": None, "train.images": images})
    assert len(session.splits.train) == 42
    assert train_epochs(session) == epochs


def test_images_that_would_shrink_to_a_point_are_refused_with_a_remedy(tmp_path: Path) -> None:
    session = opened(tmp_path / "run", {"space": "darts", "train.stem": "imagenet", "train.layers": 3})
    with pytest.raises(SettingsError, match=r"8x8 pixels shrink to 1x1 .*\(data\.image_size\) or train\.stem=cifar"):
        check_sizes(session)
