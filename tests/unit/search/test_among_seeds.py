import pytest

from dartboard.search.selection.among_seeds import SeedOutcome, best_seed
from dartboard.space import CellGenotype, Choice, Genotype

SEEDS = (2, 20, 200, 2000)


def found(*, skips: bool) -> Genotype:
    """A genotype with or without a skip connection in its normal cell, and with one in its reduction cell."""
    normal = CellGenotype(
        (Choice(2, 0, "sep_conv_3x3"), Choice(2, 1, "skip_connect" if skips else "dil_conv_3x3")), (2,)
    )
    return Genotype("darts", (("normal", normal), ("reduce", CellGenotype((Choice(2, 0, "skip_connect"),), (2,)))))


def searches(accuracies: list[float], without_skips: tuple[int, ...] = ()) -> list[SeedOutcome]:
    return [
        SeedOutcome(seed, found(skips=seed not in without_skips), accuracy)
        for seed, accuracy in zip(SEEDS, accuracies, strict=True)
    ]


@pytest.mark.parametrize(
    ("accuracies", "without_skips", "seed"),
    [
        pytest.param([90.200, 89.812, 90.072, 90.112], (), 2, id="hyperdarts-1"),
        pytest.param([90.600, 90.596, 90.944, 90.220], (200,), 2, id="hyperdarts-2"),
        pytest.param([90.332, 90.096, 90.544, 90.252], (), 200, id="hyperdarts-2-preliminary"),
        pytest.param([88.284, 87.972, 88.248, 88.416], (), 2000, id="darts"),
    ],
)
def test_the_searches_of_the_thesis_are_chosen(accuracies, without_skips: tuple[int, ...], seed: int) -> None:
    chosen, has_skips = best_seed(searches(accuracies, without_skips))
    assert chosen.seed == seed
    assert has_skips


def test_where_no_search_kept_a_skip_connection_the_best_is_taken_and_that_is_said() -> None:
    chosen, has_skips = best_seed(searches([0.5, 0.7, 0.6, 0.4], SEEDS))
    assert chosen.seed == 20
    assert not has_skips


def test_among_equals_the_first_search_wins() -> None:
    assert best_seed(searches([0.5, 0.7, 0.7, 0.7], (20,)))[0].seed == 200
