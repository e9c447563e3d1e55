"""Searches in the spaces around DARTS through the command line, and their resumption."""

import json
from pathlib import Path

import pytest

from dartboard.space import Genotype, check_genotype, get_space

from .command import Command, Halt
from .conftest import Run

TINY = (
    *("--preset", "smoke", "--device", "cpu", "--set", "data.max_train_images=60", "--set", "search.batch_size=8"),
    *("--set", "search.steps_per_epoch=1", "--set", "train.epochs=1", "--set", "search.validation_images=16"),
)


@pytest.mark.parametrize("method", ["darts", "random"])
@pytest.mark.parametrize("space", ["robust-s1", "darts:nodes=3"])
def test_a_run_ends_with_an_architecture_of_the_space(dartboard: Run, folder: Path, space: str, method: str) -> None:
    outcome = dartboard("run", *TINY, "--space", space, "--method", method, "--out", "run", "--json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out)
    assert result["space"] == space
    genotype = Genotype.from_json(json.loads((folder / "run" / "genotype.json").read_text()))
    assert genotype.space == space
    check_genotype(genotype, get_space(space))
    assert space in (folder / "run" / "report.html").read_text()


def test_an_architecture_of_small_cells_is_trained_from_its_run(dartboard: Run, folder: Path) -> None:
    assert dartboard("search", *TINY, "--space", "darts:nodes=1", "--method", "random", "--out", "found").code == 0
    outcome = dartboard("train", *TINY, "--genotype", "found", "--out", "trained", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["space"] == "darts:nodes=1"
    assert (folder / "trained" / "model.safetensors").exists()


def test_a_search_with_noise_killed_on_its_way_comes_to_the_same_end(folder: Path) -> None:
    arguments = ("run", *TINY, "--space", "robust-s4:nodes=1", "--set", "search.epochs=2", "--set", "train.epochs=2")
    left = {}
    for name in ("whole", "killed"):
        if name == "killed":
            assert Command(*arguments, "--out", name, folder=folder, halt=Halt(6)).end().code == -9
        resume = ("--resume",) if name == "killed" else ()
        ended = Command(*arguments, "--out", name, *resume, folder=folder).end()
        assert ended.code == 0, ended.err
        left[name] = [
            (folder / name / file).read_bytes() for file in ("genotype.json", "model.safetensors", "predictions.npz")
        ]
    assert left["whole"] == left["killed"]


def test_an_option_that_a_space_does_not_have_is_one_sentence(dartboard: Run) -> None:
    outcome = dartboard("run", *TINY, "--space", "darts:cells=3")
    assert outcome.code == 2
    assert outcome.error == "dartboard: the space 'darts' has no option 'cells'; did you mean 'cell_inputs'?"
