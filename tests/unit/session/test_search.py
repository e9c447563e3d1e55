from pathlib import Path
from typing import Any

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import SettingsError
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Observer, RunDirectory
from dartboard.session import search_genotype
from dartboard.session.search import search_problem
from dartboard.session.searching import describe_search
from dartboard.settings import check_method, resolve_settings
from dartboard.testing import open_small

pytestmark = pytest.mark.usefixtures("small_space")


class Begun(Exception):
    """The search has begun, or something was said before."""


class Listening(Observer):
    """Stops at the first sentence, or when the search begins."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def note(self, sentence: str) -> None:
        self.sentences.append(sentence)
        raise Begun

    def begin(self, *_: object, **__: object) -> None:
        raise Begun


def said_before(folder: Path, method: str, channels: int, layers: int) -> list[str]:
    """What a search in DARTS says before it begins."""
    listening = Listening()
    layer = {"space": "darts", "method.name": method, "search.init_channels": channels, "search.layers": layers}
    with RunDirectory(folder) as run, pytest.raises(Begun):
        search_genotype(open_small(run, layer, observer=listening))
    return listening.sentences


def test_a_large_hypernetwork_is_announced_with_its_size_before_it_takes_any_memory(tmp_path: Path) -> None:
    assert said_before(tmp_path, "hyperdarts-1", 16, 8) == [
        "The hypernetwork has 206,921,984 weights; with gradients and momentum they take 3.1 GiB of memory, and every "
        "checkpoint 1.5 GiB."
    ]


@pytest.mark.parametrize(("method", "channels", "layers"), [("hyperdarts-1", 4, 3), ("darts", 16, 8)])
def test_a_small_hypernetwork_or_none_is_not_worth_a_word(
    method: str, channels: int, layers: int, tmp_path: Path
) -> None:
    assert said_before(tmp_path, method, channels, layers) == []


@pytest.mark.parametrize(
    ("method", "width", "shares", "divisor", "fitting"),
    [("drnas-progressive", 16, "1/6 and later 1/4", 12, 24), ("pc-darts", 18, "1/4", 4, 20)],
)
def test_a_width_that_shares_do_not_divide_is_refused_with_one_that_they_do(
    method: str, width: int, shares: str, divisor: int, fitting: int
) -> None:
    layer = {"method.name": method, "space": "darts", "preset": "smoke"}
    with pytest.raises(SettingsError) as refusal:
        check_method(resolve_settings(layer, {"search.init_channels": width}))
    assert str(refusal.value) == (
        f"{method} sends {shares} of the channels through the operations, so search.init_channels must be a multiple "
        f"of {divisor}, but it is {width}; set search.init_channels={fitting}, or choose other shares by the options "
        "of the method."
    )
    check_method(resolve_settings(layer, {"search.init_channels": fitting}))


def test_what_no_width_mends_is_said_first() -> None:
    with pytest.raises(SettingsError, match="those of 'proxyless' change it"):
        check_method(resolve_settings({"method.name": "pc-darts", "space": "proxyless", "search.init_channels": 7}))


IMAGES: dict[str, dict[str, Any]] = {
    "single-darts": {},
    "gaea": {"images": "same-images"},
    "fair-darts": {"single_level": True},
}


@pytest.mark.parametrize("method", IMAGES)
@pytest.mark.parametrize("held_out", [0.0, 0.2])
def test_a_search_on_one_level_sees_all_training_images(method: str, held_out: float, tmp_path: Path) -> None:
    """But for those that score it, where none are held out for another reason: 4% of them, 2,000 at most."""
    layer = {"method": {"name": method, "options": IMAGES[method]}, "data.validation_fraction": held_out}
    with RunDirectory(tmp_path) as run:
        session = open_small(run, layer, {"search.validation_images": None})
    images = make_recipe(method, IMAGES[method]).images
    batches, splits = search_problem(session).make_batches(images), session.splits
    learned, scored = (set(given.view.indices.tolist()) for given in (batches.weights, batches.validation))
    every = set(splits.train.tolist())
    assert set(batches.alphas.view.indices.tolist()) == learned
    if held_out:
        assert (learned, scored) == (every, set(splits.validation.tolist()))
    else:
        assert learned | scored == every
        assert not learned & scored
        assert len(scored) == round(0.04 * len(every))
    assert f"{len(learned)} images, {len(scored)} others score it" in describe_search(session)


def test_arms_of_one_level_and_two_have_equal_images_and_steps(tmp_path: Path) -> None:
    seen = {}
    with RunDirectory(tmp_path) as run:
        session = open_small(run, {"method": "single-darts"})
    for images in ("halves", "half-images", "half-batch"):
        batches = search_problem(session).make_batches(images)  # type: ignore[arg-type]
        seen[images] = batches.weights.view.indices.tolist(), len(batches.weights)
        scored = set(batches.validation.view.indices.tolist())
        assert scored <= set(session.splits.alphas.tolist())
    assert seen["halves"] == seen["half-images"] == seen["half-batch"]
    assert seen["halves"][0] == session.splits.weights.tolist()


def test_a_method_that_draws_is_announced_without_epochs(tmp_path: Path) -> None:
    with RunDirectory(tmp_path) as run:
        told = describe_search(open_small(run, {"method": "random"}))
    assert told == "random in small: an architecture is drawn at random, without training"
