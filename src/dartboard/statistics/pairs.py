"""All pairs of methods tested at once: corrected p, a verdict, and the seeds that it would take."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy.typing as npt

from dartboard.statistics.paired import LEVEL, PairedTests, holm, paired_tests
from dartboard.statistics.power import seeds_needed

__all__ = ["Pair", "Verdict", "all_pairs", "pairs_with"]

Verdict = Literal["apart", "apart if normal", "not apart", "not tested"]
"""What the tests say of two methods.

"apart": an exact test tells them apart. "apart if normal": there are too few blocks for an exact test ever to do so,
and a t test, which assumes differences of a normal distribution, does. "not tested": they have fewer than two blocks in
common.
"""


class Pair(NamedTuple):
    """Two methods of several.

    Attributes:
        first: name of the one.
        second: name of the other.
        tests: the tests without correction; None where no block has both.
        exact: p of the exact test, corrected for the number of pairs; None where it was not tested.
        t: p of the t test, corrected likewise.
        pairs: number of pairs that were tested together.
        verdict: what both say.
        seeds_needed: blocks that tell a difference such as the one seen with a power of 0.8 at the level that the
            correction leaves the smallest p; None if none do, or the deviation is not known.
    """

    first: str
    second: str
    tests: PairedTests | None
    exact: float | None
    t: float | None
    pairs: int
    verdict: Verdict
    seeds_needed: int | None


def all_pairs(values: Mapping[str, npt.ArrayLike]) -> tuple[Pair, ...]:
    """Test every pair of methods, corrected for their number.

    Args:
        values: name -> value in every block, (blocks,), nan where there is none; more is better.
    """
    return _tested(values, list(combinations(values, 2)))


def pairs_with(values: Mapping[str, npt.ArrayLike], baseline: str) -> tuple[Pair, ...]:
    """Test every other method against a baseline, corrected for their number; the baseline comes second.

    Args:
        values: name -> value in every block, (blocks,).
        baseline: one of the names.
    """
    return _tested(values, [(name, baseline) for name in values if name != baseline])


def _tested(values: Mapping[str, npt.ArrayLike], names: Sequence[tuple[str, str]]) -> tuple[Pair, ...]:
    tests = [paired_tests(values[first], values[second]) for first, second in names]
    known = [place for place, each in enumerate(tests) if each is not None and each.exact is not None]
    exact = dict(zip(known, holm([_known(tests[place], "exact") for place in known]), strict=True))
    normal = dict(zip(known, holm([_known(tests[place], "t") for place in known]), strict=True))
    return tuple(
        Pair(
            *pair,
            tests=tests[place],
            exact=exact.get(place),
            t=normal.get(place),
            pairs=len(known),
            verdict=_verdict(tests[place], exact.get(place), normal.get(place), len(known)),
            seeds_needed=_needed(tests[place], max(1, len(known))),
        )
        for place, pair in enumerate(names)
    )


def _known(tests: PairedTests | None, name: str) -> float:
    value: float = getattr(tests, name)
    return value


def _verdict(tests: PairedTests | None, exact: float | None, normal: float | None, pairs: int) -> Verdict:
    """An exact test decides wherever it could: its smallest p, corrected as the smallest of all, is at most 0.05."""
    if tests is None or exact is None or normal is None:
        return "not tested"
    if pairs * tests.smallest <= LEVEL:
        return "apart" if exact <= LEVEL else "not apart"
    return "apart if normal" if normal <= LEVEL else "not apart"


def _needed(tests: PairedTests | None, pairs: int) -> int | None:
    if tests is None or tests.deviation is None:
        return None
    return seeds_needed(tests.difference, tests.deviation, level=LEVEL / pairs)
