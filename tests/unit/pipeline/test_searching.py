from pathlib import Path

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from contracts.small import open_small
from dartboard.pipeline import search_genotype
from dartboard.runs import Observer, RunDirectory


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
