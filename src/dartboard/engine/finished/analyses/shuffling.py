"""How much a supernet minds that its edges or layers change places."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from typing_extensions import override

from dartboard.engine.finished.analyses.exchanges import (
    Exchange,
    cell_exchanges,
    edge_exchanges,
    exchanged,
    layer_exchanges,
)
from dartboard.engine.finished.analyses.plain_networks import Statistics, check_plain, shuffled_network
from dartboard.engine.finished.analyses.protocol import Analysis, Findings, Measurement, analysis, scored
from dartboard.engine.finished.search import FinishedSearch
from dartboard.engine.stage import StageSearch
from dartboard.errors import SettingsError
from dartboard.parts.architecture import StepGates
from dartboard.parts.options import needs
from dartboard.parts.recipe import Count
from dartboard.parts.removal import learning_on
from dartboard.parts.scoring import Scorer
from dartboard.runs import Record
from dartboard.space import SearchSpace
from dartboard.supernet import ReferenceSupernet
from dartboard.wording import names_in

__all__ = ["Permutation", "Shuffled", "ShuffledNetwork", "Shuffling"]

Parts = Literal["edges", "layers"]
Pairs = Literal["own", "shared"]
_BEFORE = "before"


class Permutation(Record):
    """Parts that have changed places."""

    accuracy: float
    """Of the supernet then, on validation images as a fraction."""

    exchanged: tuple[str, ...]
    """What changed places with what."""


class ShuffledNetwork(Record):
    """A plain network before and after units of its stages changed places; accuracies as those of the supernet."""

    network: str
    """Its name."""

    epochs: int
    """That it was trained from scratch, on the images on which the weights of the supernet learned."""

    before: float
    """Accuracy as the training left it."""

    after: float
    """Mean over the permutations."""

    after_std: float
    """Standard deviation over them (ddof 0)."""

    permutations: tuple[Permutation, ...]
    """Every one."""


class Shuffled(Record):
    """The supernet before and after parts of it changed places; accuracies are fractions on validation images."""

    parts: Parts
    """What changed places."""

    before: float
    """Accuracy as the search left it."""

    after: float
    """Mean over the permutations."""

    after_std: float
    """Standard deviation over them (ddof 0)."""

    permutations: tuple[Permutation, ...]
    """Every one."""

    pairs: Pairs = "shared"
    """Whether every cell exchanged an edge pair of its own, or all cells of a kind the same pair."""

    networks: tuple[ShuffledNetwork, ...] = ()
    """Plain networks beside the supernet."""


@dataclass(frozen=True)
class Shuffling(Analysis):
    """Lets two edges of every cell, or two layers of every stage, change places, and scores the supernet.

    A network whose layers each refine one estimate, as residual ones do, hardly minds; a plain one falls to chance.
    The supernet learns nothing. Plain networks beside it are trained first. Random permutations are drawn one by one,
    each from a generator of its own.

    Paper: Wang et al., arXiv:2108.04392; for layers of trained networks, Greff et al., arXiv:1612.07771.

    Attributes:
        parts: what changes places.
        permutations: drawn.
        pairs: whether every cell exchanges a pair of edges of its own, or all cells of a kind the same pair.
        networks: names of plain networks that are trained and shuffled as well.
        epochs: of their training.
        statistics: whether the norms of plain networks use running averages, as they were exchanged, or those of each
            batch.
    """

    parts: Parts = "edges"
    permutations: int = 10
    pairs: Pairs = "own"
    networks: Sequence[str] = ()
    epochs: int = 200
    statistics: Statistics = "running"
    learns = False

    @override
    def refuse(self, space: SearchSpace) -> None:
        if self.parts == "edges" and len(space.cell.edges) < 2:
            raise SettingsError(
                f"the cells of the space {space.name} have a single edge, so no two can change places; shuffle the "
                "layers (parts=layers)."
            )
        for name in self.networks:
            check_plain(name)

    def measurements(self, finished: FinishedSearch) -> list[Measurement]:
        """The supernet as it is, every permutation of it, and every plain network.

        Raises:
            SettingsError: no two parts have the same form.
        """
        search = finished.begin(learning_on(finished.recipe), 0, "analysis")
        finished.hand_over(search)
        supernet = search.state.supernet
        assert isinstance(supernet, ReferenceSupernet)
        groups = self._groups(finished, supernet)
        if not groups:
            other = "layers" if self.parts == "edges" else "edges"
            raise SettingsError(
                f"no two {self.parts} of this supernet have the same form, so none can change places; shuffle the "
                f"{other} (parts={other})."
            )

        def measured(exchanges: Sequence[Exchange]) -> Findings:
            return {"accuracy": shuffled_accuracy(search, exchanges), "exchanged": [each.name for each in exchanges]}

        def permuted(number: int) -> Findings:
            generator = finished.generator("shuffling", self.parts, number)
            return measured([group[int(torch.randint(len(group), (), generator=generator))] for group in groups])

        every = [Measurement(f"permutation {n}", partial(permuted, n)) for n in range(1, self.permutations + 1)]
        plain = [Measurement(name, partial(self._plain, finished, name)) for name in self.networks]
        return [Measurement(_BEFORE, partial(measured, [])), *every, *plain]

    def _groups(self, finished: FinishedSearch, supernet: ReferenceSupernet) -> list[list[Exchange]]:
        """The pairs of parts of which one in each group is drawn.

        Raises:
            SettingsError: cells cannot exchange pairs of their own, since other gates belong to the edges.
        """
        if self.parts == "layers":
            return layer_exchanges(supernet)
        if self.pairs == "shared":
            return edge_exchanges(supernet)
        if finished.recipe.edges is not None or supernet.spec.mixing.attention:
            raise SettingsError(
                "the edges of this supernet have weights or attention that all cells of a kind share, so a cell cannot "
                "exchange a pair of its own; shuffle the same pair in all of them (pairs=shared)."
            )
        return cell_exchanges(supernet)

    def _plain(self, finished: FinishedSearch, name: str) -> Findings:
        return shuffled_network(
            name,
            finished,
            epochs=self.epochs,
            permutations=self.permutations,
            norms=self.statistics,
        )

    def conclude(self, measured: Mapping[str, Findings]) -> Findings:
        """The accuracies before and after, and every permutation.

        Returns:
            The plain data of `Shuffled`.
        """
        figures = dict(measured)
        before = figures.pop(_BEFORE)
        plain = [ShuffledNetwork(network=name, **figures.pop(name)) for name in self.networks]
        accuracies = [each["accuracy"] for each in figures.values()]
        return Shuffled(
            parts=self.parts,
            before=before["accuracy"],
            after=statistics.fmean(accuracies),
            after_std=statistics.pstdev(accuracies),
            permutations=tuple(map(Permutation.model_validate, figures.values())),
            pairs=self.pairs if self.parts == "edges" else "shared",
            networks=tuple(plain),
        ).model_dump(mode="json")


def shuffled_accuracy(search: StageSearch, exchanges: Sequence[Exchange]) -> float:
    """The validation accuracy of the supernet in which these have changed places."""
    state = search.state
    run, gates = exchanged(state.supernet, search.mean_gates(state.alphas), exchanges)
    score = Scorer(run, search.batches.validation, search.problem.device)
    return scored(score(StepGates(gates, state.architecture.active))).accuracy


@analysis("shuffling", paper="arXiv:2108.04392")
@needs(pairs="parts=edges", epochs="networks", statistics="networks")
def shuffling(
    *,
    parts: Parts = "edges",
    permutations: Count = 10,
    pairs: Pairs = "own",
    networks: str | None = None,
    epochs: Count = 200,
    statistics: Statistics = "running",
) -> Any:
    """Let edges or layers change places at random, and compare the accuracy before and after.

    Args:
        parts: "edges", two in every cell, or "layers", two in every stage.
        permutations: drawn.
        pairs: whether every cell exchanges a pair of edges of its "own", or all cells of a kind a "shared" one.
        networks: plain networks that are trained and shuffled as well, as in vgg19_bn,resnet56; null: none.
        epochs: of their training.
        statistics: whether their norms use "running" averages, or those of each "batch".
    """
    return Shuffling(parts, permutations, pairs, names_in(networks or ""), epochs, statistics)
