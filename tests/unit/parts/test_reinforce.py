"""REINFORCE: the gradient of an expected reward, exact over all paths, and its baseline."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from dartboard.errors import RecipeError
from dartboard.parts import AdamUpdate, BetaDecay, BinaryGates, Recipe, Reinforce, Softmax
from dartboard.parts.gradient.problem import Bilevel, SgdStep, Trial

SHARES = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
PATHS = (0, 0, 1, 2)
"""Every operation as often as its share says, so that the mean over these draws is the expectation."""


def problem_of(rewards: Sequence[float], costs: Sequence[float] = (), paths: Sequence[int] = PATHS) -> Bilevel:
    """Each draw is the next path, rewarded by its own number."""
    alpha, draws = SHARES.log().requires_grad_(), iter(paths)

    def trial() -> Trial:
        path = next(draws)
        accuracy = torch.tensor(rewards[path], dtype=torch.float64)
        return Trial(alpha.log_softmax(dim=0)[path], accuracy, lambda: torch.tensor(costs[path], dtype=torch.float64))

    def nothing(_weights: object, _alphas: object) -> Tensor:
        raise AssertionError("no loss is asked for")

    step = SgdStep(lr=0.1, momentum=0.0, weight_decay=0.0, velocity={})
    return Bilevel({}, {"cell": alpha}, nothing, nothing, step, next_trial=trial)


def exact(rewards: Tensor) -> Tensor:
    """D / d alpha of minus the expected reward."""
    alpha = SHARES.log().requires_grad_()
    return -torch.autograd.grad(alpha.softmax(dim=0) @ rewards, [alpha])[0]


@pytest.mark.parametrize("baseline", [None, 0.0, 0.9])
def test_the_expected_gradient_is_that_of_the_expected_reward_whatever_the_baseline(baseline: float | None) -> None:
    rewards = (0.9, 0.2, 0.5)
    problem = problem_of(rewards)
    if baseline is not None:
        problem.records["reward_baseline"] = torch.tensor(baseline, dtype=torch.float64)
    found = Reinforce(samples=4)(problem)["cell"]
    torch.testing.assert_close(found, exact(torch.tensor(rewards, dtype=torch.float64)))


def test_cost_multiplies_the_reward_by_a_power_of_what_is_wanted_over_what_it_is() -> None:
    problem = problem_of((0.8, 0.8, 0.8), costs=(100.0, 200.0, 50.0))
    found = Reinforce(samples=4, cost_reference=100.0, cost_power=0.1)(problem)["cell"]
    rewards = 0.8 * torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64) ** 0.1
    torch.testing.assert_close(found, exact(rewards))
    assert found[2] < 0 < found[1], "the cheap operation rises"


def test_the_baseline_starts_with_the_first_rewards_and_follows_slowly_once_they_have_counted() -> None:
    records: dict[str, Tensor] = {}
    alphas = {}
    for rewards, after in (((1.0, 1.0, 1.0), 1.0), ((0.0, 0.0, 0.0), 0.99), ((0.5, 0.5, 0.5), 0.9851)):
        problem = problem_of(rewards, paths=(0,))
        before = dict(records)
        problem.records.update(records)
        alphas[after] = Reinforce(samples=1)(problem)["cell"]
        records = problem.records
        assert records["reward_baseline"].item() == pytest.approx(after, abs=1e-12)
        assert before.keys() <= records.keys()
    assert (alphas[1.0] == 0).all(), "as good as expected"
    # (0 - 1) times the gradient of log p_0, with the sign of a loss.
    torch.testing.assert_close(alphas[0.99], torch.tensor([0.5, -0.25, -0.25], dtype=torch.float64))


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"relaxation": Softmax()}, "tries architectures that are drawn, and Softmax draws none"),
        ({"relaxation": BinaryGates(), "penalties": (BetaDecay(),)}, "the penalties join a loss that it does not use"),
    ],
)
def test_rewards_need_drawn_architectures_and_see_no_penalty(parts, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        Recipe(gradient=Reinforce(), update=AdamUpdate(), **parts)
