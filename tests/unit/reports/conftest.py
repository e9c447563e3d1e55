from pathlib import Path

import pytest

from dartboard.space.genotype import parse_genotype

from .made_up import NAS_BENCH_201, FakeRun


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def finished_run(run_path: Path) -> Path:
    """A whole run with one training, on the smaller space to be quick."""
    genotype = parse_genotype(NAS_BENCH_201)
    run = FakeRun(run_path)
    run.search(genotype)
    run.train()
    run.evaluate()
    run.finish(genotype)
    return run.path
