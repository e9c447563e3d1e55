"""Architectures scored by zero-cost proxies: what `dartboard score` tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

import torch

from dartboard.data import ArrayData, DataSettings
from dartboard.errors import SettingsError
from dartboard.estimate.proxies import (
    Conditions,
    ProxyFigures,
    average_rank,
    find_proxies,
    refuse_proxies,
    score_genotypes,
    summed_up,
)
from dartboard.parts.drawing import cell_choices, draw_uniformly
from dartboard.parts.selection import make_genotype
from dartboard.runs import Observer, Record, make_generator
from dartboard.settings.genotype import read_genotype
from dartboard.space import Genotype, SearchSpace, get_space
from dartboard.wording import DASH, Verbatim, count, html_sheet, html_table, listing
from dartboard.workflow.score_conditions import dataset_conditions, noise_conditions

__all__ = ["ArchitectureScore", "ProxyScores", "ScoreRequest", "score_architectures"]

SIZES = ("params", "macs")
"""Stand beside all proxies, as those to beat."""

_MANY = 20
"""Scoring fewer architectures is not worth a note on how far it is."""

_TRIES = 200
_SPACE = "nas-bench-201"


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
        return {each.name: Verbatim(each.architecture) for each in self.scores if each.name != each.architecture}

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
    source: str | ArrayData | None = None
    data: DataSettings = field(default_factory=DataSettings)
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
        if len(scored) % max(1, len(genotypes) // 10) == 0 and len(genotypes) >= _MANY:
            observer.note(f"{len(scored)} of {len(genotypes)} architectures are scored.")
    spaces = {each.space: get_space(each.space) for each in genotypes}
    return ProxyScores(
        proxies=tuple(names),
        lower_is_better=tuple(name for name, proxy in find_proxies(names).items() if proxy.lower_is_better),
        images=images,
        networks={name: _size(conditions, space) for name, space in spaces.items()},
        seed=request.seed,
        scores=_scores(named, asked, names, scored),
        notes=(*notes, *_notes(asked, len(genotypes), _several(asked, scored))),
    )


def _refuse_numbers(request: ScoreRequest) -> None:
    if not request.architectures and request.random < 1:
        raise SettingsError("no architecture is named; name some, or draw some with --random N.")
    for what, number, least in (
        ("the batch size", request.batch_size, 2),
        ("the number of random architectures", request.random, 0),
        ("the number of initialisations", request.initialisations, 1),
        ("the seed", request.seed, 0),
        ("the width of the networks", request.init_channels, 1),
    ):
        if number is not None and number < least:
            raise SettingsError(f"{what} cannot be {number}; give {least} or more.")


def _named(request: ScoreRequest) -> dict[str, Genotype]:
    """All architectures by their names: as they were asked for, then those that are drawn."""
    named = {name: read_genotype(name) for name in request.architectures}
    if request.random:
        first = next(iter(named.values()), None)
        space = get_space(request.space or (first.space if first else _SPACE))
        drawn = _draw(space, request.random, make_generator(request.seed, "proxies", "random"))
        named |= {f"random-{number}": genotype for number, genotype in enumerate(drawn, 1)}
    elif request.space is not None:
        raise SettingsError("a space is only needed to draw architectures; say how many with --random N.")
    return named


def _draw(space: SearchSpace, wanted: int, generator: torch.Generator) -> list[Genotype]:
    """Architectures drawn uniformly, all different.

    Raises:
        SettingsError: the space has no more.
    """
    if wanted > space.num_architectures:
        raise SettingsError(
            f"the space '{space.name}' has {space.num_architectures} architectures, so {wanted} different ones cannot "
            "be drawn; ask for fewer with --random."
        )
    columns = {kind: space.selectable_columns(kind) for kind in space.cell_kinds}
    found: dict[str, Genotype] = {}
    for _ in range(_TRIES * wanted):
        if len(found) == wanted:
            break
        drawn = {kind: draw_uniformly(space.cell, columns[kind], generator) for kind in space.cell_kinds}
        genotype = make_genotype(space, {kind: cell_choices(space, chosen) for kind, chosen in drawn.items()})
        found.setdefault(genotype.to_text(), genotype)
    return list(found.values())


def _conditions(
    request: ScoreRequest, device: torch.device, observer: Observer
) -> tuple[Conditions, str, tuple[str, ...]]:
    """The conditions, what the images are in words, and what must be known of them."""
    if request.source is None:
        found = noise_conditions(request.batch_size, request.seed, device)
        what = f"{request.batch_size} images of noise, 32x32 pixels of 3 channels, with random labels of 10 classes"
        note = "No dataset was given, so the networks saw noise and random labels; name yours with --data."
        notes: tuple[str, ...] = (note,)
    else:
        found = dataset_conditions(
            request.source, request.data, request.batch_size, request.seed, device, progress=observer.reading
        )
        height, width = found.image_size
        held = len(found.images)
        what = f"{count(held, 'training image')} of the dataset, {width}x{height} pixels, {found.classes} classes"
        fewer = f"The dataset has only {held} training images, so the batch has no more."
        notes = (fewer,) if held < request.batch_size else ()
    return replace(found, init_channels=request.init_channels, layers=request.layers), what, notes


def _size(conditions: Conditions, space: SearchSpace) -> str:
    width, depth = space.small_size
    width = width if conditions.init_channels is None else conditions.init_channels
    depth = depth if conditions.layers is None else conditions.layers
    return f"{width} channels, {count(depth, 'layer')}"


def _scores(
    named: Mapping[str, Genotype],
    asked: Sequence[str],
    names: Sequence[str],
    scored: Sequence[Mapping[str, ProxyFigures]],
) -> tuple[ArchitectureScore, ...]:
    """What each proxy says of each architecture, and the mean of its places by the proxies asked for."""
    together = summed_up(names, scored)
    places = average_rank([together[name] for name in asked]) if len(scored) > 1 else None
    found = []
    for row, (name, genotype) in enumerate(named.items()):
        own = scored[row]
        found.append(
            ArchitectureScore(
                name=name,
                architecture=genotype.to_text(),
                space=genotype.space,
                figures=_figures(own, {each: together[each][row] for each in names}, alone=len(scored) == 1),
                seconds={each: own[each].seconds for each in names},
                average_rank=None if places is None else places[row],
            )
        )
    return tuple(found)


def _figures(own: Mapping[str, ProxyFigures], together: Mapping[str, float], *, alone: bool) -> dict[str, float | None]:
    """The number of every proxy; of one with several numbers all of them, and their combination unless it is alone."""
    figures: dict[str, float] = {}
    for name, each in own.items():
        if len(each.values) == 1:
            figures[name] = next(iter(each.values.values()))
        else:
            figures |= {} if alone else {name: together[name]}
            figures |= {f"{name}.{part}": value for part, value in each.values.items()}
    return {name: value if isfinite(value) else None for name, value in figures.items()}


def _several(asked: Sequence[str], scored: Sequence[Mapping[str, ProxyFigures]]) -> list[str]:
    return [name for name in asked if len(scored[0][name].values) > 1]


def _notes(asked: Sequence[str], wanted: int, several: Sequence[str]) -> tuple[str, ...]:
    notes = ["Parameters and multiply-adds are what a proxy has to beat: see docs/proxies.md for how many do."]
    if several and wanted > 1:
        notes.append(
            f"{listing(several)} only {'ranks' if len(several) == 1 else 'rank'} the architectures of this list."
        )
    if several and wanted == 1:
        notes.append(
            f"The numbers of {listing(several)} are combined by ranks, which one architecture alone does not have."
        )
    if wanted > 1 and len(asked) > 1:
        notes.append(f"The mean rank is that of {listing(asked)}; 1 is the best.")
    return tuple(notes)


def _figure(value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e12 else f"{value:.5g}"
