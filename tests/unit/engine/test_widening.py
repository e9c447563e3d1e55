"""The handover between the stages of progressive DrNAS, on real supernets: fewer operations, on more channels."""

from collections.abc import Iterator
from functools import cache
from itertools import islice, repeat

import pytest
import torch
from torch import Generator, Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.data import Batch
from dartboard.engine import SearchBatches, SearchProblem, SearchSettings
from dartboard.engine.problem import SupernetRequest
from dartboard.engine.stage import StageSearch
from dartboard.parts.architecture import all_live
from dartboard.parts.recipe import make_recipe
from dartboard.runs import Length, Observer, seeded_initialization
from dartboard.space import get_space
from dartboard.supernet import FusedSupernet, SupernetSpec

SPACE = get_space("nas-bench-201")
WIDTH, KEPT, EDGES = 8, 3, 6
CONVOLUTIONS = ("nor_conv_1x1", "nor_conv_3x3")


class TwoBatches:
    """The same two batches of random images in every epoch."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.batch = Batch(torch.randn(4, 3, 8, 8, generator=generator), torch.tensor([0, 1, 2, 0]))

    def __len__(self) -> int:
        return 2

    def epoch(self, generator: Generator) -> Iterator[Batch]:
        return islice(self.forever(generator), 2)

    def forever(self, generator: Generator) -> Iterator[Batch]:  # noqa: ARG002 - the signature of batches
        return repeat(self.batch)

    def in_order(self) -> Iterator[Batch]:
        return iter(())


def make_supernet(request: SupernetRequest) -> FusedSupernet:
    plan = SPACE.plan(in_channels=3, num_classes=3, init_channels=WIDTH, layers=1, image_size=(8, 8))
    with seeded_initialization(0, "search", "weights", request.stage):
        return FusedSupernet(SupernetSpec(SPACE, plan, request.mixing).with_live(request.live))


def run_both() -> tuple[StageSearch, StageSearch]:
    """The first stage after its epoch, and the second as it starts: 1/4, then 1/2 of the channels."""
    recipe = make_recipe(
        "drnas-progressive", {"channel_shares": (4, 2), "kept_ops": KEPT, "none": True, "warm_up": 0.0, "alpha_lr": 0.1}
    )
    batches = TwoBatches()
    problem = SearchProblem(
        SPACE,
        make_supernet,
        lambda _: SearchBatches(*[batches] * 3),  # type: ignore[arg-type]
        torch.device("cpu"),
    )
    settings, length = SearchSettings(weight_lr=0.1, weight_lr_min=0.0), Length(2, None)
    stages = recipe.stages
    first = StageSearch(problem, stages[0].recipe, settings, 0, (0, 1), length, 0, all_live(SPACE))
    first.run_epoch(Observer())
    second = StageSearch(problem, stages[1].recipe, settings, 1, (1, 2), length, 0, first.pruned(stages[0]))
    second.take_over(first, momentum=True)
    return first, second


both_stages = cache(run_both)
"""For tests that only look."""


def tensors_of(search: StageSearch, *, momentum: bool) -> dict[str, Tensor]:
    """Weights by name, or their momenta."""
    weights = search.state.weights
    if not momentum:
        return {name: weight.detach() for name, weight in weights.items()}
    return {name: search.state.weight_optimizer.state[weight]["momentum_buffer"] for name, weight in weights.items()}


def is_of_convolution(name: str) -> bool:
    return any(f".{op}." in name for op in CONVOLUTIONS)


def test_every_edge_keeps_the_operations_with_the_largest_alphas_and_draws_no_others() -> None:
    first, second = both_stages()
    alpha = first.state.alphas["cell"].detach()
    strongest = [[SPACE.ops[column] for column in sorted(row.topk(KEPT).indices.tolist())] for row in alpha.unbind()]
    assert second.state.live == {"cell": strongest}
    assert torch.equal(second.state.alphas["cell"], alpha)
    drawn = second.state.architecture.draw(second.state.alphas, torch.Generator().manual_seed(0), of_alpha=False).gates[
        "cell"
    ]
    live = torch.tensor([[name in names for name in SPACE.ops] for names in strongest])
    assert (drawn[live] > 0).all()
    assert not drawn[~live].any()
    torch.testing.assert_close(drawn.sum(dim=-1), torch.ones(EDGES))


@pytest.mark.parametrize("momentum", [False, True], ids=["weights", "momenta"])
def test_kept_operations_have_twice_the_channels_and_the_further_ones_copy_old_ones(momentum: bool) -> None:
    first, second = (tensors_of(search, momentum=momentum) for search in both_stages())
    names = [name for name in second if is_of_convolution(name)]
    assert names
    for name in names:
        old, new = first[name], second[name]
        assert new.shape[:2] == (2 * old.shape[0], 2 * old.shape[1])
        assert torch.equal(new[: old.shape[0], : old.shape[1]], old)
        for channel in new[old.shape[0] :, : old.shape[1]]:
            assert any(torch.equal(channel, other) for other in old)
        for channel in new[: old.shape[0], old.shape[1] :].unbind(dim=1):
            assert any(torch.equal(channel, other) for other in old.unbind(dim=1))


def test_everything_outside_of_operations_stays_as_it_was() -> None:
    for momentum in (False, True):
        first, second = (tensors_of(search, momentum=momentum) for search in both_stages())
        for name in [name for name in second if not is_of_convolution(name)]:
            assert torch.equal(first[name], second[name]), name


def test_a_momentum_follows_the_channels_of_its_weight() -> None:
    """Which old channel a new one copies, told by the weights, must be the one that the momenta tell."""
    weights, momenta = ([tensors_of(search, momentum=m) for search in both_stages()] for m in (False, True))
    for name in [name for name in weights[1] if is_of_convolution(name)]:
        (old, new), (old_momentum, new_momentum) = [[of[name] for of in pair] for pair in (weights, momenta)]
        width = old.shape[0]
        for channel in range(width, 2 * width):
            source = next(o for o in range(width) if torch.equal(new[channel, :width], old[o]))
            assert torch.equal(new_momentum[channel, :width], old_momentum[source]), name


def test_the_widened_supernet_runs_and_the_rate_of_the_weights_goes_on_falling() -> None:
    _, second = run_both()
    event = second.run_epoch(Observer())
    # Epoch 1 of 2 on one cosine from 0.1 to 0; anew it would begin with 0.1.
    assert event.learning_rate == pytest.approx(0.05)
    assert event.stage == 1
    logits = second.state.supernet(TwoBatches().batch.images, second.mean_gates(second.state.alphas))
    assert logits.shape == (4, 3)
