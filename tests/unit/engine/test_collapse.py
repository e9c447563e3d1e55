"""When a search counts as collapsed: written rules on what its epochs have recorded."""

from typing import Any

import pytest

from dartboard.engine.collapse import CollapseRules, Kept, Sign, collapse, kept_pairs, sharpening, signs
from dartboard.engine.guard import epochs_left
from dartboard.runs import SearchEpoch
from dartboard.space import get_space, parse_genotype
from dartboard.space.published import PUBLISHED

NB201 = get_space("nas-bench-201")
SKIPPED = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
MIXED = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
EMPTY = "|avg_pool_3x3~0|+|none~0|avg_pool_3x3~1|+|nor_conv_3x3~0|skip_connect~1|none~2|"


def epoch(number: int, cell: str = MIXED, accuracy: float | None = 0.5, **figures: float) -> SearchEpoch:
    """What an epoch has recorded whose derived cell is this one."""
    genotype = parse_genotype(cell, space="nas-bench-201")
    facts: dict[str, Any] = {"weight_loss": 1.0, "weight_accuracy": 0.5, "alpha_loss": 1.0, "validation_loss": 1.0}
    return SearchEpoch(
        epoch=number,
        epochs=20,
        steps=1,
        seconds=1.0,
        **facts,
        validation_accuracy=accuracy,
        validation_balanced_accuracy=accuracy,
        learning_rate=0.1,
        gates={"cell": [[0.1, 0.6, 0.1, 0.1, 0.1]] * 4 + [[0.1, 0.1, 0.1, 0.6, 0.1]] * 2},
        genotype=genotype.to_json(),
        operations=tuple(NB201.ops),
        operation_counts=genotype.operation_counts,
        figures=figures,
    )


def with_skips(*counts: int) -> list[Sign]:
    """Signs of epochs whose cells keep so many skip connections of eight."""
    return [
        Sign(number, Kept("the cell", 8, skips, skips), 0.5, ("skips",) if skips > 4 else ())
        for number, skips in enumerate(counts, start=1)
    ]


def test_two_judged_epochs_of_five_skips_of_eight_are_a_collapse() -> None:
    found = collapse(with_skips(2, 3, 3, 4, 4, 5, 5), 20)
    assert found is not None
    # Epochs count from 1 here: the sixth is the first with five.
    assert (found.signal, found.since, found.epoch, found.good) == ("skips", 6, 7, 5)
    assert collapse(with_skips(2, 3, 3, 4, 4, 5), 20) is None


@pytest.mark.parametrize("counts", [[5, 4] * 10, [5, 5, 5, 5, 4, 4, 4, 4], [4] * 20])
def test_what_does_not_last_or_is_early_is_no_collapse(counts: list[int]) -> None:
    assert collapse(with_skips(*counts), 20) is None


def test_a_collapse_from_the_start_has_no_good_epoch() -> None:
    found = collapse(with_skips(*[8] * 6), 20)
    assert found is not None
    assert (found.since, found.epoch, found.good) == (1, 6, None)


def test_a_collapse_that_has_been_seen_does_not_move_with_later_epochs() -> None:
    assert collapse(with_skips(4, 4, 4, 4, 5, 5, 5, 5, 5), 20) == collapse(with_skips(4, 4, 4, 4, 5, 5), 20)


def test_longer_searches_need_longer_signals() -> None:
    assert [CollapseRules().lasting(epochs) for epochs in (5, 20, 24, 50, 100)] == [2, 2, 2, 5, 10]


def test_no_published_cell_counts_as_collapsed_and_the_cell_of_skips_does() -> None:
    for name, genotype in PUBLISHED.items():
        kept = kept_pairs(genotype, get_space(genotype.space), {})
        rules = CollapseRules()
        assert kept.skips <= rules.skips * kept.pairs, name
        assert kept.free < rules.free * kept.pairs, name
    kept = kept_pairs(parse_genotype(SKIPPED, space="nas-bench-201"), NB201, {})
    assert (kept.skips, kept.pairs) == (6, 6)


def test_signs_tell_skips_operations_without_weights_and_unstable_supernets() -> None:
    epochs = [
        epoch(1, accuracy=0.8),
        epoch(2, SKIPPED),
        epoch(3, EMPTY),
        epoch(4, accuracy=0.39),
        epoch(5, accuracy=0.4),
    ]
    assert [sign.signals for sign in signs(epochs, NB201)] == [
        (), ("skips", "no weights"), ("no weights",), ("unstable",), (),
    ]  # fmt: skip
    kept = signs(epochs, NB201)[1].kept
    assert (kept.led_by_skips, kept.edges) == (4, 6)


def test_words_carry_the_figures() -> None:
    epochs = [epoch(number) for number in range(1, 6)] + [epoch(number, SKIPPED) for number in range(6, 9)]
    eigenvalues = [1.0] * 4 + [2.0] + [3.0] * 3
    measured = [each.finished({"eigenvalue": value}, 1.0, 0.0) for each, value in zip(epochs, eigenvalues, strict=True)]
    found = collapse(signs(measured, NB201), 20)
    assert found is not None
    for text in ("6 of 6 of the kept operations of the cell", "on 4 of 6 edges", "since epoch 6", "2.5 times"):
        assert text in found.words


def test_a_layer_wise_network_is_judged_by_the_blocks_that_may_be_skipped() -> None:
    space = get_space("conv-stages")
    gates = {kind: [[float(op == "skip_connect") for op in space.ops]] for kind in space.cell_kinds}
    kept = kept_pairs(PUBLISHED["conv-stages-by-hand"], space, gates)
    # The first block of each of the three stages cannot be skipped.
    assert (len(space.cell_kinds), kept.pairs, kept.skips, kept.led_by_skips) == (9, 6, 3, 6)


def test_sharpening_is_the_ratio_of_two_means() -> None:
    assert sharpening([1, 1, 1, 2, 2]) == pytest.approx(2 / 1.5)
    assert sharpening([1.0, 2.0]) is None
    assert sharpening([-2.0, -2.0, -2.0, -2.0, 1.0, 1.0]) is None


def test_a_second_search_has_the_epochs_that_were_to_come_or_as_many_as_there_is_time_for() -> None:
    assert [epochs_left(40, 100, each) for each in (9, 21)] == [11, 4]
    assert epochs_left(7, None, 9) == 7
    assert epochs_left(7, 1000, 9) == 7
