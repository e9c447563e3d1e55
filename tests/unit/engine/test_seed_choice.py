import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dartboard.engine.finished.seed_choice import CHOICE_RULES, SeedChoice, SeedOutcome
from dartboard.errors import UnknownNameError
from dartboard.space import PUBLISHED, CellGenotype, Choice, Genotype, parse_genotype

SEEDS = (2, 20, 200, 2000)


def found(*, skips: bool) -> Genotype:
    """A genotype with or without a skip connection in its normal cell, and with one in its reduction cell."""
    normal = CellGenotype(
        (Choice(2, 0, "sep_conv_3x3"), Choice(2, 1, "skip_connect" if skips else "dil_conv_3x3")), (2,)
    )
    return Genotype("darts", (("normal", normal), ("reduce", CellGenotype((Choice(2, 0, "skip_connect"),), (2,)))))


def searches(accuracies: list[float], without_skips: tuple[int, ...] = (), seeds=SEEDS) -> list[SeedOutcome]:
    return [
        SeedOutcome(seed, found(skips=seed not in without_skips), accuracy)
        for seed, accuracy in zip(seeds, accuracies, strict=True)
    ]


def choose(rule: str, outcomes: list[SeedOutcome]) -> SeedChoice:
    return CHOICE_RULES[rule].factory()(outcomes)


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
    choice = choose("hyperdarts-rule", searches(accuracies, without_skips))
    assert choice.chosen.seed == seed
    assert choice.rejected == dict.fromkeys(without_skips, "its normal cell has no skip_connect")
    assert not choice.rule_violated


def test_the_best_supernet_of_the_thesis_is_taken_with_or_without_skip_connections() -> None:
    assert choose("best-supernet", searches([88.284, 87.972, 88.248, 88.416])).chosen.seed == 2000
    choice = choose("best-supernet", searches([90.600, 90.596, 90.944, 90.220], (200,)))
    assert (choice.chosen.seed, choice.rejected, choice.rule_violated) == (200, {}, False)


def test_of_the_trials_of_the_thesis_with_45_to_50_epochs_the_longest_that_kept_its_skips_is_taken() -> None:
    """The trials differ in their epochs and share a seed; here the number of epochs stands in its place."""
    trials = searches([89.692, 90.020, 90.200, 90.228], (50,), seeds=(45, 48, 49, 50))
    choice = choose("hyperdarts-rule", trials)
    assert choice.chosen.seed == 49
    assert list(choice.rejected) == [50]


def test_where_no_search_kept_a_skip_connection_the_best_is_taken_and_that_is_said() -> None:
    choice = choose("hyperdarts-rule", searches([0.5, 0.7, 0.6, 0.4], SEEDS))
    assert choice.chosen.seed == 20
    assert choice.rule_violated
    assert set(choice.rejected) == set(SEEDS)


def test_a_short_training_outweighs_the_supernet() -> None:
    genotype = found(skips=True)
    outcomes = [SeedOutcome(0, genotype, 0.9, 0.5), SeedOutcome(1, genotype, 0.1, 0.6), SeedOutcome(2, genotype, None)]
    assert choose("best-short-train", outcomes).chosen.seed == 1
    assert choose("best-supernet", outcomes).chosen.seed == 0


def test_searches_without_any_accuracy_come_last_and_among_themselves_the_lowest_seed_first() -> None:
    genotype = found(skips=True)
    nothing = [SeedOutcome(seed, genotype, None) for seed in (7, 3, 5)]
    assert choose("best-supernet", nothing).chosen.seed == 3
    assert choose("best-supernet", [*nothing, SeedOutcome(9, genotype, 0.0)]).chosen.seed == 9


def test_in_a_space_of_one_kind_of_cells_that_kind_is_looked_at() -> None:
    text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|{}~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    with_skip, without = (parse_genotype(text.format(op)) for op in ("skip_connect", "none"))
    choice = choose("hyperdarts-rule", [SeedOutcome(0, without, 0.9), SeedOutcome(1, with_skip, 0.8)])
    assert choice.chosen.seed == 1
    assert choice.rejected == {0: "its cell has no skip_connect"}


@given(
    st.dictionaries(st.integers(0, 9), st.tuples(st.sampled_from([0.1, 0.2, 0.3]), st.booleans()), min_size=1),
    st.randoms(use_true_random=False),
)
def test_the_choice_is_the_best_that_is_not_rejected_whatever_the_order(
    drawn: dict[int, tuple[float, bool]], shuffler: random.Random
) -> None:
    outcomes = [SeedOutcome(seed, found(skips=skips), accuracy) for seed, (accuracy, skips) in drawn.items()]
    shuffler.shuffle(outcomes)
    choice = choose("hyperdarts-rule", outcomes)
    kept = {seed: accuracy for seed, (accuracy, skips) in drawn.items() if skips}
    among = kept or {seed: accuracy for seed, (accuracy, _) in drawn.items()}
    assert choice.chosen.seed == min(seed for seed, accuracy in among.items() if accuracy == max(among.values()))
    assert choice.rule_violated == (not kept)
    assert set(choice.rejected) == set(drawn) - set(kept)


def test_published_cells_are_judged_by_their_normal_cell() -> None:
    reject = CHOICE_RULES["hyperdarts-rule"].factory().reject
    assert reject(PUBLISHED["darts-v2"]) == ""
    assert reject(PUBLISHED["nas-bench-201-resnet"]) == ""


def test_an_unknown_rule_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"no choice rule 'best-supernets'; did you mean 'best-supernet'\?"):
        CHOICE_RULES["best-supernets"]
