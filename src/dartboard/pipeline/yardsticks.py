"""What stands beside the searched network: others of about its cost, trained and tested the same way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dartboard.pipeline.plans import network_plan
from dartboard.pipeline.result import Yardstick
from dartboard.pipeline.session import Session
from dartboard.pipeline.steps import evaluate_networks, finished_result, summarize, train_networks
from dartboard.report import write_report
from dartboard.runs import RunDirectory, make_generator
from dartboard.search import UniformlyRandom
from dartboard.space import PUBLISHED, Genotype, get_space, network_cost
from dartboard.train import paired_difference

__all__ = ["Standard", "compare_yardsticks", "find_standards"]

_RESNET_WIDTHS = range(2, 257, 2)


@dataclass(frozen=True)
class Standard:
    """A network to compare with.

    Attributes:
        name: of its run directory.
        what: it is, in words.
        genotype: its architecture.
        init_channels: its width.
        layers: its depth, as the genotype's space counts.
    """

    name: str
    what: str
    genotype: Genotype
    init_channels: int
    layers: int


def compare_yardsticks(session: Session, genotype: Genotype, command: str) -> None:
    """Train and test each yardstick in `yardsticks/NAME`, a run directory of its own, and write `yardsticks.json`.

    One is an architecture drawn uniformly from the same space, of the same width and depth. The other is a plain
    residual network (He et al., arXiv:1512.03385, with the blocks of NAS-Bench-201), as wide as comes nearest to the
    multiply-adds of the searched network.

    Args:
        session: of the run, whose networks are trained and tested.
        genotype: what the search found.
        command: to be recorded.
    """
    if session.run.has("yardsticks.json"):
        return
    test = session.splits.view(session.dataset, "test")
    if not (len(test) and test.labelled):
        lacking = "labels of the test images" if len(test) else "test images"
        session.observer.note(f"Without {lacking} nothing can be compared, so no yardstick is trained.")
        return
    with session.phase("yardsticks"):
        results = {each.name: _measure(session, each, command) for each in find_standards(session, genotype)}
    session.run.write("yardsticks.json", {name: each.model_dump(mode="json") for name, each in results.items()})


def find_standards(session: Session, genotype: Genotype) -> Iterator[Standard]:
    """The yardsticks of a network: a random architecture, then a plain ResNet; see `compare_yardsticks`."""
    size, space = session.settings.train, get_space(session.settings.space)
    drawn = UniformlyRandom()(space, {}, make_generator(session.settings.seed, "yardsticks", "random"))
    yield Standard("random", "a random architecture of the space", drawn, size.init_channels, size.layers)
    aim = _cost(session, genotype, size.init_channels, size.layers)
    resnet = PUBLISHED["nas-bench-201-resnet"]
    layers = size.layers if space.name == resnet.space else max(1, size.layers // 3)
    width = min(_RESNET_WIDTHS, key=lambda channels: abs(_cost(session, resnet, channels, layers) - aim))
    yield Standard("resnet", f"a plain ResNet-{6 * layers + 6}", resnet, width, layers)


def _measure(session: Session, standard: Standard, command: str) -> Yardstick:
    """Train and test one, unless that is done."""
    train = session.settings.train.model_copy(
        update={"init_channels": standard.init_channels, "layers": standard.layers}
    )
    genotype = standard.genotype
    settings = session.settings.model_copy(
        update={
            "space": genotype.space,
            "genotype": genotype.to_json(),
            "train": train,
            "yardsticks": False,
            "seeds": None,
        }
    )
    session.observer.note(f"Now for comparison {standard.what}, trained and tested in the same way.")
    folder = session.run.path / "yardsticks" / standard.name
    folder.parent.mkdir(exist_ok=True)
    with RunDirectory(folder) as run:
        own = replace(session, settings=settings, run=run, data_seconds=0.0)
        run.check(settings.model_dump(mode="json"), resume=True)
        result = finished_result(own, tested=True)
        if result is None:
            own.begin()
            run.write("genotype.json", genotype.to_json())
            evaluate_networks(own, train_networks(own, genotype))
            result = summarize(own, genotype, command)
            write_report(run.path)
    difference = paired_difference(_rights(session.run), _rights(run))
    assert result.test_accuracy is not None
    return Yardstick(
        what=standard.what,
        test_accuracy=result.test_accuracy,
        test_accuracy_std=result.test_accuracy_std,
        parameters=result.parameters,
        multiply_adds=result.multiply_adds,
        difference=difference.mean,
        interval=(difference.low, difference.high),
        run_directory=str(folder),
    )


def _rights(run: RunDirectory) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """For every test image whether the first network of a run is right."""
    with np.load(run.path / "predictions.npz", allow_pickle=False) as predictions:
        rights: np.ndarray[tuple[int], np.dtype[np.bool_]] = predictions["labels"] == predictions["predicted"]
        return rights


def _cost(session: Session, genotype: Genotype, init_channels: int, layers: int) -> int:
    size = {"init_channels": init_channels, "layers": layers}
    train = session.settings.train.model_copy(update=size)
    settings = session.settings.model_copy(update={"space": genotype.space, "train": train})
    plan = network_plan(replace(session, settings=settings), "train")
    height, width = session.dataset.image_shape[1:]
    return network_cost(get_space(genotype.space), genotype, plan, (height, width)).multiply_adds
