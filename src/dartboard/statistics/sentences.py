"""What tests say of two methods, in sentences."""

from dartboard.statistics.paired import LEVEL, smallest_p
from dartboard.statistics.pairs import Pair
from dartboard.wording import count, points

__all__ = ["limit_sentence", "p_text", "pair_sentence"]


def p_text(p: float) -> str:
    """A p value with two digits that count.

    >>> p_text(0.375), p_text(0.0312), p_text(0.00004), p_text(1.0)
    ('0.38', '0.031', 'under 0.0001', '1.00')
    """
    if p < 0.0001:
        return "under 0.0001"
    return f"{p:.2f}" if p >= 0.1 else f"{p:.2g}"


def limit_sentence(blocks: int, unit: str = "seed") -> str:
    """What so few blocks can never show; "" where they can.

    >>> limit_sentence(4)
    'An exact test with 4 seeds cannot go under p = 0.125, whatever the accuracies are.'
    """
    least = smallest_p(blocks)
    if least <= LEVEL:
        return ""
    return f"An exact test with {count(blocks, unit)} cannot go under p = {least:g}, whatever the accuracies are."


def pair_sentence(pair: Pair, unit: str = "seed") -> str:
    """Whether two methods can be told apart, why, and how many seeds it would take.

    Args:
        pair: the tests of accuracies as fractions.
        unit: what a block is, in the singular.
    """
    tests, names = pair.tests, f"{pair.first} and {pair.second}"
    if tests is None or pair.exact is None or pair.t is None:
        shared = 0 if tests is None else tests.blocks
        return (
            f"{names} cannot be told apart: they have {count(shared, unit)} in common, and a test takes two at least."
        )
    size, over = points(abs(tests.difference), signed=False), f"over {count(tests.blocks, unit)}"
    if pair.verdict == "not apart":
        told = f"{names} cannot be told apart: their mean difference of {size} {over} may be chance ({_exact(pair)})."
        return f"{told}{_seeds(pair, unit)}"
    better, worse = (pair.first, pair.second) if tests.difference > 0 else (pair.second, pair.first)
    if pair.verdict == "apart":
        return f"{better} is better than {worse} by {size} {over} ({_exact(pair)})."
    return (
        f"{better} is better than {worse} by {size} {over} if differences are normally distributed (t test, "
        f"{_corrected(tests.t, pair.t, pair.pairs)}); an exact test with {count(tests.blocks, unit)}"
        f"{f' and {pair.pairs} pairs' if pair.pairs > 1 else ''} cannot tell it."
    )


def _exact(pair: Pair) -> str:
    return f"exact test, {_corrected(pair.tests.exact if pair.tests else None, pair.exact, pair.pairs)}"


def _corrected(plain: float | None, corrected: float | None, pairs: int) -> str:
    if plain is None or corrected is None:
        return "not tested"
    plainly = f"p = {p_text(plain)}".replace("= under", "under")
    return plainly if pairs < 2 else f"{plainly}, corrected for {pairs} pairs {p_text(corrected)}"


def _seeds(pair: Pair, unit: str) -> str:
    tests, needed = pair.tests, pair.seeds_needed
    if tests is None or tests.difference == 0 or needed is None:
        return ""
    if needed <= tests.blocks:
        return f" More than {count(tests.blocks, unit)} would be needed for an exact test of so many pairs."
    return f" A difference of that size takes about {count(needed, unit)}."
