"""Every verb that reads a run meets damaged files of it: it works without them, or refuses them in one sentence."""

import shutil
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path

import pytest

import dartboard as package

SMALL = {
    "preset": "smoke",
    "device": "cpu",
    "data.cache": False,
    "search": {"epochs": 1, "steps_per_epoch": 1},
    "train": {"epochs": 1},
}


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)


def garble(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 4)


def be_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def hold_a_list(path: Path) -> None:
    path.write_text("[[]]")


def hold_nothing_known(path: Path) -> None:
    path.write_text('{"a": {"b": null}}')


DAMAGES = (remove, halve, be_a_folder, hold_nothing_known, empty, flip, garble, hold_a_list)
VERBS: Mapping[str, tuple[Callable[[Path, Path], object], tuple[str, ...]]] = {
    "load": (lambda run, _: package.load(run), ("model.json", "model.safetensors", "settings.json")),
    "evaluate": (
        lambda run, data: package.evaluate(run, data, device="cpu"),
        ("settings.json", "split.json", "dataset.json"),
    ),
    "export": (lambda run, _: package.export(run, run.parent / "m.pt2"), ("model.json", "model.safetensors")),
    "list_runs": (lambda run, _: package.list_runs(run.parent), ("result.json", "settings.json", "events.jsonl")),
    "report": (
        lambda run, _: package.report(run),
        ("events.jsonl", "scores.json", "predictions.npz", "examples.npz", "start.json", "genotype.json"),
    ),
    "run": (
        lambda run, data: package.run(data, SMALL, out=run, resume=True),
        ("settings.json", "split.json", "dataset.json", "result.json", "events.jsonl"),
    ),
    "select": (
        lambda run, _: package.select(run, "strongest", out=run.parent / "selected"),
        ("checkpoints/search.pt", "genotype.json", "split.json"),
    ),
    "analyse": (
        lambda run, _: package.analyse(run, "shuffling", {"permutations": 1}, out=run.parent / "analysed"),
        ("checkpoints/search.pt", "settings.json"),
    ),
}
READ = [(verb, file) for verb, (_, files) in VERBS.items() for file in files]
QUICK = list(zip(READ, cycle(DAMAGES), strict=False))
ALL = [(read, damage) for read in READ for damage in DAMAGES]
CASES = [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in ALL if case not in QUICK)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, pets: Path) -> Path:
    return package.run(pets, SMALL, out=tmp_path_factory.mktemp("finished") / "run").path


@pytest.mark.parametrize(("read", "damage"), CASES)
def test_a_damaged_file_is_done_without_or_refused_in_one_sentence(
    read: tuple[str, str], damage: Callable[[Path], None], finished: Path, pets: Path, tmp_path: Path
) -> None:
    verb, file = read
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    damage(run / file)
    sentence = "."
    try:
        VERBS[verb][0](run, pets)
    except package.DartboardError as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
