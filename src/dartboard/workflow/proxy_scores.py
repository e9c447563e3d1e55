"""Architectures scored by zero-cost proxies: what `dartboard score` tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from dartboard.data import (
    DataSettings,
)
from dartboard.errors import SettingsError
from dartboard.estimate.proxies import (
    find_proxies,
    refuse_proxies,
    score_genotypes,
)
from dartboard.runs import Observer, Record
from dartboard.space import get_space
from dartboard.wording import html_sheet, html_table

__all__ = [
    "ArchitectureScore",
    "ProxyScores",
    "ScoreRequest",
    "draw_distinct",
    "noise_conditions",
    "read_conditions",
    "score_architectures",
]

SIZES = ("params", "macs")
"""Stand beside all proxies, as those to beat."""

_NOISE_SHAPE, _NOISE_CLASSES = (3, 32, 32), 10
_TRIES = 200


class ArchitectureScore(Record):
    """What the proxies say of one architecture."""

    name: str
    """What it is called: as it was named, or "random-1" and so on."""

    architecture: str
    """Its text."""

    space: str
    """Its space."""

    figures: dict[str, float | None]
    """Proxy -> its number; "az-nas.trainability" and the like are the parts of a proxy of several numbers. Null where
    it is not finite: it then ranks last."""

    seconds: dict[str, float]
    """Proxy -> seconds that it took."""

    average_rank: float | None
    """Mean place, 1 for the best, among the architectures scored together by the proxies asked for; null for one
    architecture alone."""


class ProxyScores(Record):
    """Architectures scored together, before any training."""

    proxies: tuple[str, ...]
    """The proxies asked for, and parameters and multiply-adds beside them."""

    lower_is_better: tuple[str, ...]
    """Those of them whose small numbers promise more."""

    images: str
    """What the networks were given."""

    networks: dict[str, str]
    """Space -> the size of its networks."""

    seed: int
    """Root of weights, noise and random architectures."""

    scores: tuple[ArchitectureScore, ...]
    """The architectures, in the order in which they were asked for."""

    notes: tuple[str, ...]
    """What must be known to read the figures, in sentences."""

    def to_json(self) -> dict[str, Any]:
        """Plain data, ready for `json.dumps`."""
        return self.model_dump(mode="json")

    def headings(self) -> list[str]:
        """The headings of the table."""
        ranked = ["mean rank"] if len(self.scores) > 1 else []
        return ["architecture", *ranked, *(key.replace(".", " ") for key in self._columns()), "seconds"]

    def cells(self) -> list[list[str]]:
        """The rows of the table, the best mean rank first."""
        columns = self._columns()
        rows = []
        for each in sorted(self.scores, key=lambda score: score.average_rank or 0.0):
            ranked = [f"{each.average_rank:.1f}"] if each.average_rank is not None else []
            figures = [_figure(each.figures[column]) for column in columns]
            rows.append([each.name, *ranked, *figures, f"{sum(each.seconds.values()):.1f}"])
        return rows

    def texts(self) -> dict[str, str]:
        """Name -> text of every architecture that the table does not name by its text."""
        return {each.name: each.architecture for each in self.scores if each.name != each.architecture}

    def _columns(self) -> list[str]:
        return list(self.scores[0].figures)

    def _repr_html_(self) -> str:
        """The HTML that a notebook shows."""
        return html_sheet(
            html_table(self.cells(), self.headings()),
            html_table(self.texts().items()),
            html_table([(note,) for note in self.notes]),
        )


@dataclass(frozen=True)
class ScoreRequest:
    """What is to be scored, and how.

    Attributes:
        architectures: texts, published names, files or run directories.
        proxies: names of proxies.
        random: how many architectures are drawn beside them, all different.
        space: the space to draw from; None for that of the first architecture, or NAS-Bench-201.
        source: the dataset whose images are shown to the networks; None for noise.
        data: settings of the dataset.
        batch_size: images in the batch.
        init_channels: width of the networks; None for that of the small networks of the space.
        layers: depth of the networks; None likewise.
        initialisations: over how many initialisations means are taken; None for what each proxy asks for.
        seed: root of all that is drawn.
    """

    architectures: Sequence[str]
    proxies: Sequence[str]
    random: int = 0
    space: str | None = None
    source: Any = None
    data: DataSettings = DataSettings()
    batch_size: int = 128
    init_channels: int | None = None
    layers: int | None = None
    initialisations: int | None = None
    seed: int = 0


def score_architectures(request: ScoreRequest, device: torch.device, observer: Observer) -> ProxyScores:
    """Score architectures by proxies.

    Raises:
        GenotypeError: a name stands for no architecture.
        UnknownNameError: there is no such proxy or space.
        SettingsError: nothing is to be scored, a network cannot have a proxy, or a number is out of its range.
        DataError: there is no usable dataset.
    """
    _refuse_numbers(request)
    asked = list(find_proxies(request.proxies))
    if not asked:
        raise SettingsError("no proxy is named; name some, such as naswot,synflow,az-nas (see `dartboard proxies`).")
    named = _named(request)
    names = [*asked, *(size for size in SIZES if size not in asked)]
    conditions, images, notes = _conditions(request, device, observer)
    genotypes = list(named.values())
    refuse_proxies(genotypes, names, conditions)
    scored = []
    for figures in score_genotypes(
        genotypes, names, conditions, seed=request.seed, initialisations=request.initialisations
    ):
        scored.append(figures)
        observer.measured("proxies", len(scored), len(genotypes))
    spaces = {each.space: get_space(each.space) for each in genotypes}
    return ProxyScores(
        proxies=tuple(names),
        lower_is_better=tuple(name for name, proxy in find_proxies(names).items() if proxy.lower_is_better),
        images=images,
        networks={name: _size(conditions, space) for name, space in spaces.items()},
        seed=request.seed,
        scores=_scores(named, asked, names, scored),
        notes=(*notes, *_notes(asked, len(genotypes))),
    )
