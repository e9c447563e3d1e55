"""The predictor learns the order of architectures from pairs at their highest common level."""

import math

import pytest
import torch
from scipy.stats import kendalltau

from dartboard.parts.discrete.ranking import Loss, RankPredictor, make_pairs, pair_loss

from .pools import numbered


def test_pairs_are_compared_after_their_highest_common_level() -> None:
    pool = numbered((0.5, 0.6, 0.9), (0.6, 0.7), (0.55,))
    # 0 and 1 after level 2: 0.6 < 0.7. 0 and 2 after level 1: 0.5 < 0.55. 1 and 2 after level 1: 0.6 > 0.55.
    assert make_pairs(pool.members) == [(1, 0), (2, 0), (1, 2)]


def test_pairs_that_hardly_differ_or_failed_or_were_not_evaluated_teach_nothing() -> None:
    pool = numbered((0.5,), (0.5004,), (), (0.502,))
    assert make_pairs(pool.members) == [(3, 0), (3, 1)]
    failed = pool.with_member(pool.members[3].model_copy(update={"failure": "no."}))
    assert make_pairs(failed.members) == []


def test_the_losses_of_a_pair_have_their_closed_forms() -> None:
    better, worse = torch.tensor([2.0, 0.0]), torch.tensor([0.5, 3.0])
    logistic = (math.log1p(math.exp(-1.5)) + math.log1p(math.exp(3.0))) / 2
    assert pair_loss(better, worse).item() == pytest.approx(logistic)
    assert pair_loss(better, worse, "hinge").item() == pytest.approx((0.0 + 4.0) / 2)


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_a_swapped_pair_turns_the_gradient_around(loss: Loss) -> None:
    one, other = torch.zeros(1, requires_grad=True), torch.zeros(1)
    [forward] = torch.autograd.grad(pair_loss(one, other, loss), one)
    [backward] = torch.autograd.grad(pair_loss(other, one, loss), one)
    assert forward.item() == -backward.item() < 0


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_a_linear_truth_is_learned_from_200_pairs(loss: Loss) -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randint(2, (60, 8), generator=generator).float()
    truth = vectors @ torch.randn(8, generator=generator)
    drawn = torch.randint(60, (200, 2), generator=generator).tolist()
    pairs = [(a, b) if truth[a] > truth[b] else (b, a) for a, b in drawn if truth[a] != truth[b]]
    predictor = RankPredictor(8, loss=loss)
    predictor.fit(vectors, pairs)
    assert kendalltau(predictor(vectors).tolist(), truth.tolist()).statistic > 0.9


def test_the_same_seed_gives_the_same_predictor_and_leaves_torchs_own_state_alone() -> None:
    vectors, state = torch.eye(6), torch.get_rng_state()

    def numbers(seed: int) -> list[float]:
        predictor = RankPredictor(6, networks=2, steps=3, seed=seed)
        predictor.fit(vectors, [(0, 1), (2, 3)])
        return predictor(vectors).tolist()

    assert numbers(0) == numbers(0) != numbers(1)
    assert torch.equal(torch.get_rng_state(), state)
