"""When a search collapses: written rules on what its epochs have recorded, so that looking costs nothing.

Paper: overuse of skip connections, as in Zela et al., arXiv:1909.09656, and Chu et al., arXiv:1911.12126. The
thresholds are choices: published cells have up to four skip connections of eight, and none counts as collapsed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from dartboard.runs import SearchEpoch
from dartboard.space import Genotype, SearchSpace
from dartboard.space.ops import has_weights
from dartboard.space.topology import stage_lengths
from dartboard.wording import cell_name, count

__all__ = [
    "REMEDIES",
    "Collapse",
    "CollapseRules",
    "Kept",
    "Sign",
    "Signal",
    "collapse",
    "kept_pairs",
    "sharpening",
    "signs",
]

Signal = Literal["skips", "no weights", "unstable"]

_SKIP = "skip_connect"

REMEDIES = (
    "What is tried against it: stop before it (robust-darts), limit or drop skip connections (p-darts), give alpha and "
    "weights the same batch (single-darts), or decide by perturbation (dartboard select RUN --with perturbation); "
    "--guard fallback goes back by itself"
)


@dataclass(frozen=True)
class CollapseRules:
    """The thresholds.

    Attributes:
        skips: more than this share of the kept operations are skip connections.
        free: at least this share of them has no weights.
        unstable: the supernet has less than this share of its best accuracy so far.
        quiet: share of the search in which nothing is judged.
        patience: share of the epochs for which a signal must hold.
        least: the smallest number of epochs for which it must hold.
        sharp: factor by which the largest eigenvalue has grown, for a warning.
    """

    skips: float = 0.5
    free: float = 0.75
    unstable: float = 0.5
    quiet: float = 0.2
    patience: float = 0.1
    least: int = 2
    sharp: float = 1.3

    def lasting(self, epochs: int) -> int:
        """For how many epochs running a signal must hold, in a search of so many."""
        return max(self.least, round(self.patience * epochs))

    def judged(self, epoch: int, epochs: int) -> bool:
        """Whether an epoch, counted from 1, is judged."""
        return epoch > self.quiet * epochs


@dataclass(frozen=True)
class Kept:
    """The operations that the derived cell keeps, or in a layer-wise space the blocks that may be skipped.

    Attributes:
        place: what is counted, in words.
        pairs: how many there are.
        skips: how many are skip connections.
        free: how many have no weights.
        edges: edges of the relaxed cell.
        led_by_skips: those whose largest gate is that of the skip connection.
    """

    place: str
    pairs: int
    skips: int
    free: int
    edges: int = 0
    led_by_skips: int = 0


@dataclass(frozen=True)
class Sign:
    """What speaks for a collapse after one epoch.

    Attributes:
        epoch: its number, from 1.
        kept: operations of the cell derived then.
        accuracy: of the supernet, as a fraction; None without validation images.
        signals: those that hold.
        eigenvalue: the largest of the Hessian in alpha, where it was measured.
    """

    epoch: int
    kept: Kept
    accuracy: float | None
    signals: tuple[Signal, ...]
    eigenvalue: float | None = None


@dataclass(frozen=True)
class Collapse:
    """A search that collapses.

    Attributes:
        signal: the one that has held for long enough.
        since: epoch in which it began.
        epoch: epoch after which it had held for long enough.
        good: the last epoch before it began; None if it held from the first epoch on.
        words: what was seen, as a sentence with figures, without a full stop.
    """

    signal: Signal
    since: int
    epoch: int
    good: int | None
    words: str


def kept_pairs(genotype: Genotype, space: SearchSpace, gates: Mapping[str, Sequence[Sequence[float]]]) -> Kept:
    """What the derived cell keeps: the normal cell, the only cell, or the blocks that may be skipped.

    Args:
        genotype: the cell.
        space: its space.
        gates: by kind of cells, edges x operations; may be empty.
    """
    if stage_lengths(space.cell_kinds):
        may_skip = [
            kind
            for kind in space.cell_kinds
            if any(space.ops[column] == _SKIP for column in space.selectable_on(kind, 0))
        ]
        kinds, place = may_skip, "the blocks that may be skipped"
    else:
        kinds = [space.cell_kinds[0]]
        place = f"the kept operations of the {cell_name(kinds[0])}"
    ops = [choice.op for kind in kinds for choice in genotype[kind].choices]
    rows = [row for kind in kinds for row in gates.get(kind, ())]
    led = [space.ops[max(range(len(row)), key=row.__getitem__)] for row in rows]
    return Kept(place, len(ops), ops.count(_SKIP), sum(not has_weights(op) for op in ops), len(rows), led.count(_SKIP))


def signs(epochs: Sequence[SearchEpoch], space: SearchSpace, rules: CollapseRules = CollapseRules()) -> list[Sign]:
    """What speaks for a collapse, epoch by epoch."""
    found, best = [], 0.0
    for event in epochs:
        kept = kept_pairs(Genotype.from_json(event.genotype), space, event.gates)
        accuracy = event.validation_accuracy
        losses = [loss for loss in (event.weight_loss, event.alpha_loss) if loss is not None]
        unstable = accuracy is not None and accuracy < rules.unstable * best
        held: list[Signal] = []
        if kept.pairs and kept.skips > rules.skips * kept.pairs:
            held.append("skips")
        if kept.pairs and kept.free >= rules.free * kept.pairs:
            held.append("no weights")
        if unstable or not all(map(math.isfinite, losses)):
            held.append("unstable")
        best = max(best, accuracy or 0.0)
        found.append(Sign(event.epoch, kept, accuracy, tuple(held), event.figures.get("eigenvalue")))
    return found


def collapse(found: Sequence[Sign], epochs: int, rules: CollapseRules = CollapseRules()) -> Collapse | None:
    """The first collapse that the signs show; None while there is none.

    Args:
        found: the signs of all epochs so far.
        epochs: planned in all.
        rules: the thresholds.
    """
    lasting = rules.lasting(epochs)
    for number, sign in enumerate(found):
        for signal in ("skips", "no weights", "unstable"):
            judged = [each for each in found[: number + 1] if rules.judged(each.epoch, epochs)]
            if len(judged) < lasting or not all(signal in each.signals for each in judged[-lasting:]):
                continue
            first = number
            while first and signal in found[first - 1].signals:
                first -= 1
            good = found[first - 1].epoch if first else None
            words = _words(signal, sign, found[first], found[: number + 1])
            return Collapse(signal, found[first].epoch, sign.epoch, good, words)
    return None


def _words(signal: Signal, sign: Sign, first: Sign, found: Sequence[Sign]) -> str:
    kept = sign.kept
    led = f"; on {kept.led_by_skips} of {count(kept.edges, 'edge')} its gate is the largest" if kept.edges else ""
    told = {
        "skips": f"{kept.skips} of {kept.pairs} of {kept.place} are skip connections{led}",
        "no weights": f"{kept.free} of {kept.pairs} of {kept.place} have no weights, {kept.skips} of them skip "
        f"connections{led}",
        "unstable": _unstable(sign, found),
    }[signal]
    return f"{told}, since epoch {first.epoch}{_sharper(first.epoch, found)}"


def _sharper(since: int, found: Sequence[Sign]) -> str:
    """By how much the eigenvalues since an epoch exceed those before, in words; empty where they were not measured."""
    now, before = (
        [each.eigenvalue for each in found if each.eigenvalue is not None and (each.epoch >= since) is late]
        for late in (True, False)
    )
    if not now or not before or fmean(before) <= 0:
        return ""
    return (
        f"; meanwhile the largest eigenvalue of the Hessian in alpha is {fmean(now) / fmean(before):.1f} times as large"
    )


def _unstable(sign: Sign, found: Sequence[Sign]) -> str:
    best = max((each.accuracy or 0.0 for each in found), default=0.0)
    if sign.accuracy is None:
        return "a loss is not finite"
    return f"the supernet has {sign.accuracy:.1%} validation accuracy after {best:.1%} before"


def sharpening(eigenvalues: Sequence[float], planned: int | None = None) -> float | None:
    """By what factor a mean of the newest eigenvalues exceeds an earlier one; None where there are too few.

    The windows are those of the stop rule of RobustDARTS, in shares of the measurements (arXiv:1909.09656).

    Args:
        eigenvalues: measured so far, the oldest first.
        planned: how many will be measured in all; None: as many as there are.
    """
    whole = planned or len(eigenvalues)
    window, gap = max(2, round(whole / 5)), max(1, round(0.16 * whole))
    if len(eigenvalues) < window + gap:
        return None
    now, before = eigenvalues[-window:], eigenvalues[-window - gap : -gap]
    return math.fsum(now) / math.fsum(before) if math.fsum(before) > 0 else None
