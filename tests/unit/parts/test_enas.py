"""A controller that draws architectures, and learns from what they are worth."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Generator, Tensor

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine.state import SearchState
from dartboard.errors import RecipeError, SettingsError
from dartboard.parts import (
    AdamUpdate,
    BetaDecay,
    Controller,
    EdgeSoftmax,
    FirstOrder,
    Recipe,
    ReinforceController,
    SampleAndValidate,
    Softmax,
)
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.gradient import differentiate
from dartboard.parts.recipe import make_recipe
from dartboard.parts.relaxation import DrawnCells
from dartboard.parts.relaxation.tokens import TokenWalk
from dartboard.parts.rules.reinforce import compare, policy_loss
from dartboard.parts.scoring import Scorer
from dartboard.parts.selection.protocol import Trained
from dartboard.space import SearchSpace, get_space
from dartboard.testing import PLANTED, PLANTED_PAIRS, PlantedBatches, PlantedSupernet
from unit.engine.unscored import UNSCORED

CPU = torch.device("cpu")
ENAS = make_recipe("enas", {})


def seeded(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def architecture_of(space: SearchSpace, controller: Controller | None = None) -> Architecture:
    recipe = replace(ENAS, relaxation=controller) if controller else ENAS
    return Architecture.of(recipe, space, all_live(space, recipe.without), CPU)


def drawn_from(
    space: SearchSpace, count: int, controller: Controller | None = None
) -> tuple[dict[str, Tensor], DrawnCells]:
    """Start values, and architectures drawn with them."""
    architecture, sampler = architecture_of(space, controller), controller or Controller()
    alphas = {name: alpha.requires_grad_() for name, alpha in architecture.initial_alphas(seeded()).items()}
    return alphas, sampler.sample(alphas, architecture.cells, count, seeded(1))


@pytest.mark.parametrize("name", ["darts", "nas-bench-201"])
def test_every_draw_is_an_architecture_of_the_space_and_runs_alone(name: str) -> None:
    space = get_space(name)
    _, drawn = drawn_from(space, 200)
    architecture = architecture_of(space)
    for each in drawn.each():
        gates, active = architecture.of_draws(each)
        assert active is not None
        for kind in space.cell_kinds:
            rows = [row for row, columns in enumerate(active[kind]) if columns]
            kept = space.cell.edges_per_node
            assert [sum(row in space.cell.incoming(node) for row in rows) for node in space.cell.nodes] == [
                len(space.cell.incoming(node)) if kept is None else kept for node in space.cell.nodes
            ]
            selectable = space.selectable_columns(kind)
            assert all(len(active[kind][row]) == 1 and active[kind][row][0] in selectable[row] for row in rows)
            assert gates[kind].sum() == len(rows)


def test_an_untrained_controller_draws_nearly_uniformly() -> None:
    space, draws = get_space("nas-bench-201"), 10_000
    _, drawn = drawn_from(space, draws)
    # Squashed start weights leave probabilities within a hundredth of 1/5; the rest is three sigma.
    slack = 0.01 + 3 * math.sqrt(0.2 * 0.8 / draws)
    assert (drawn.gates["cell"].mean(dim=0) - 0.2).abs().max() < slack


def test_the_likelihoods_of_all_architectures_sum_to_one() -> None:
    _, drawn = drawn_from(PLANTED.space, 5_000)
    first = first_of_each(drawn)
    assert len(first) == 5**3
    assert float(drawn.log_likelihood[first].detach().exp().sum()) == pytest.approx(1.0, abs=1e-5)
    assert float(drawn.entropy.detach().mean()) == pytest.approx(3 * math.log(5), rel=0.01)


def test_the_likelihoods_of_all_ways_to_say_a_node_sum_to_one() -> None:
    _, drawn = drawn_from(PLANTED_PAIRS.space, 20_000, Controller(temperature=0.5))
    # Two orders of two predecessors say the same cell, with likelihoods of their own.
    codes = (drawn.gates["cell"].flatten(1) * 2.0 ** torch.arange(20)).sum(dim=1).tolist()
    ways = {(code, round(likelihood, 5)) for code, likelihood in zip(codes, drawn.log_likelihood.tolist(), strict=True)}
    assert len(ways) == 4 * 3 * 4**2
    assert sum(math.exp(likelihood) for _, likelihood in ways) == pytest.approx(1.0, abs=1e-3)


def test_operations_that_an_edge_does_not_have_are_never_drawn() -> None:
    space = get_space("nas-bench-201")
    live = all_live(space)
    live["cell"][2] = ["skip_connect", "nor_conv_3x3"]
    live["cell"][4] = []
    architecture = Architecture.of(ENAS, space, live, CPU)
    alphas = architecture.initial_alphas(seeded())
    drawn = Controller().sample(alphas, architecture.cells, 300, seeded(1)).gates["cell"].sum(dim=0)
    assert [space.ops[column] for column in torch.nonzero(drawn[2])[:, 0]] == ["skip_connect", "nor_conv_3x3"]
    assert not drawn[4].any()
    assert drawn[0].sum() == 300


def test_the_reduction_cell_hears_what_the_normal_cell_said() -> None:
    space = get_space("darts")
    alphas, drawn = drawn_from(space, 64)
    reduce = architecture_of(space).cells["reduce"]
    fresh = Controller().sample(alphas, {"reduce": reduce}, 64, seeded(1))
    assert not torch.equal(fresh.log_likelihood, drawn.log_likelihood)
    assert all(slope.any() for slope in differentiate(drawn.log_likelihood.sum(), alphas).values())


def test_mean_gates_are_frequencies_and_always_the_same() -> None:
    space = get_space("darts")
    architecture = architecture_of(space)
    alphas = architecture.initial_alphas(seeded())
    gates = architecture.mean_gates(alphas)
    assert all(torch.equal(gates[kind], again) for kind, again in architecture.mean_gates(alphas).items())
    for kind in space.cell_kinds:
        into = torch.stack([gates[kind][list(space.cell.incoming(node))].sum() for node in space.cell.nodes])
        torch.testing.assert_close(into, torch.full((4,), 2.0))  # a node has two edges, of one operation each


def test_the_lstm_is_that_of_torch() -> None:
    weights = {name.removeprefix("controller."): alpha for name, alpha in drawn_from(PLANTED.space, 1)[0].items()}
    lstm = torch.nn.LSTM(32, 32, num_layers=2)
    with torch.no_grad():
        for layer in (0, 1):
            getattr(lstm, f"weight_ih_l{layer}").copy_(weights[f"lstm.{layer}.input"])
            getattr(lstm, f"weight_hh_l{layer}").copy_(weights[f"lstm.{layer}.state"])
            getattr(lstm, f"bias_ih_l{layer}").copy_(weights[f"lstm.{layer}.bias"])
            getattr(lstm, f"bias_hh_l{layer}").zero_()
    heard = torch.randn(4, 3, 32, generator=seeded())
    walk = TokenWalk(weights, 2, 3, 5.0, 2.5, seeded())
    torch.testing.assert_close(torch.stack([walk.advance(each) for each in heard]), lstm(heard)[0])


def first_of_each(drawn: DrawnCells) -> list[int]:
    """Where every architecture drawn comes first."""
    places: dict[tuple[int, ...], int] = {}
    for place, code in enumerate(drawn.gates["cell"].argmax(dim=-1).tolist()):
        places.setdefault(tuple(code), place)
    return list(places.values())


def test_the_gradient_is_on_average_that_of_the_expected_reward() -> None:
    weight, controller = 0.05, Controller(temperature=0.3)
    values = torch.rand(5, 5, 5, generator=seeded(5))  # what each of the 125 architectures is worth

    def worth(drawn: DrawnCells) -> Tensor:
        return values[tuple(drawn.gates["cell"].argmax(dim=-1).unbind(dim=1))]

    alphas, drawn = drawn_from(PLANTED.space, 5_000, controller)
    first = first_of_each(drawn)
    expected = (drawn.log_likelihood.exp() * (worth(drawn) + weight * drawn.entropy))[first].sum()
    exact = flattened(differentiate(-expected, alphas))

    architecture, generator = architecture_of(PLANTED.space, controller), seeded(7)
    slopes = []
    for _ in range(40):
        drawn = controller.sample(alphas, architecture.cells, 500, generator)
        rewards = worth(drawn) + weight * drawn.entropy.detach()
        slopes.append(flattened(differentiate(policy_loss(drawn, (rewards - 0.6).tolist(), weight), alphas)))
    mean, error = torch.stack(slopes).mean(dim=0), torch.stack(slopes).std(dim=0) / math.sqrt(40)
    # The squared distance is that of noise alone, and the gradient stands far above the noise.
    assert (mean - exact).norm() < 2 * error.norm()
    assert exact.norm() > 5 * error.norm()


def flattened(tensors: dict[str, Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors.values()])


ONE_EDGE = replace(PLANTED.space, cell=replace(PLANTED.space.cell, num_nodes=1))
"""A controller of a single token."""


def train_on(reward: Tensor, entropy_weight: float, lr: float) -> list[Tensor]:
    """Probabilities of the operations before each of 200 updates and after the last; expected updates, no chance."""
    architecture, controller = architecture_of(ONE_EDGE), Controller()
    alphas = {name: alpha.requires_grad_() for name, alpha in architecture.initial_alphas(seeded()).items()}
    optimizer = AdamUpdate(lr, betas=(0.0, 0.999), weight_decay=0.0, eps=1e-3).optimizer(alphas, architecture.cells)
    seen = []
    for _ in range(201):
        drawn = controller.sample(alphas, architecture.cells, 400, seeded(3))
        first = first_of_each(drawn)
        columns = drawn.gates["cell"][first, 0].argmax(dim=-1)
        likelihood = drawn.log_likelihood[first].exp()
        seen.append(torch.zeros(5).scatter(0, columns, likelihood.detach()))
        # Each architecture as often as the controller draws it: what an update is on average.
        weights = (5 * likelihood.detach() * reward[columns]).tolist()
        every = DrawnCells({}, drawn.log_likelihood[first], drawn.entropy[first])
        for name, slope in differentiate(policy_loss(every, weights, entropy_weight), alphas).items():
            alphas[name].grad = slope
        optimizer.step()
    return seen


def test_the_token_that_is_rewarded_becomes_ever_likelier() -> None:
    seen = torch.stack(train_on(torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0]), 0.0, lr=1e-3))
    assert (seen[1:, 2] > seen[:-1, 2]).all()
    assert seen[-1, 2] > 0.25


def test_entropy_alone_makes_all_tokens_equally_likely() -> None:
    before, *_, after = train_on(torch.zeros(5), 1.0, lr=1e-3)
    assert (before - 0.2).abs().max() > 1e-3
    assert (after - 0.2).abs().max() < 0.1 * (before - 0.2).abs().max()


def test_the_baseline_follows_the_rewards() -> None:
    assert compare([1.0, 0.0], 1.0, 0.9) == ([0.0, -1.0], 0.9)
    advantages, baseline = compare([0.5, 1.0], None, 0.9)
    assert (advantages, baseline) == ([0.0, 0.5], pytest.approx(0.55))


@pytest.mark.parametrize(("steps", "updates"), [(195, 49), (200, 50), (1, 1)])
def test_longer_epochs_earn_more_updates(steps: int, updates: int) -> None:
    assert ReinforceController().updates(steps) == updates


def planted_state(recipe: Recipe = ENAS, score: Scorer | None = None) -> SearchState:
    """A supernet that the teacher's operations make right, and an untrained controller."""
    live, supernet = all_live(PLANTED.space), PlantedSupernet(PLANTED)
    architecture = Architecture.of(recipe, PLANTED.space, live, CPU)
    alphas = {name: alpha.requires_grad_() for name, alpha in architecture.initial_alphas(seeded()).items()}
    assert recipe.update is not None
    score = score or Scorer(supernet, PlantedBatches(PLANTED, 2), CPU)
    sgd = torch.optim.SGD(supernet.parameters(), lr=0.1)
    adam = recipe.update.optimizer(alphas, architecture.cells)
    return SearchState(supernet, architecture, alphas, sgd, adam, 5, (0, 5), live, score, update=recipe.update)


@pytest.mark.parametrize(("factor", "sign"), [(1.0, 1), (0.0, 0), (-1.0, -1)])
def test_the_controller_learns_what_is_accurate_and_unlearns_it_by_flipped_gradients(factor: float, sign: int) -> None:
    recipe = make_recipe("enas", {"alpha_lr": 0.02, "steps_per_update": 1})
    state = planted_state(recipe)
    assert state.alpha_optimizer is not None

    def scale(*_: object) -> None:
        for alpha in state.alphas.values():
            assert alpha.grad is not None
            alpha.grad = factor * alpha.grad

    state.alpha_optimizer.register_step_pre_hook(scale)
    (rule,) = recipe.rules
    before = expected_accuracy(state)
    state.take(rule.after_steps(state, 100))
    gained = expected_accuracy(state) - before
    assert gained == 0 if sign == 0 else sign * gained > 0.02
    assert set(state.figures) == {"reward_accuracy", "controller_entropy", "baseline"}


def expected_accuracy(state: SearchState) -> float:
    """Of 200 architectures, always drawn with the same numbers, each on the same images."""
    controller, architecture = state.architecture.relaxation, state.architecture
    assert isinstance(controller, Controller)
    batch = next(state.score.endless())
    drawn = controller.sample(state.alphas, architecture.cells, 200, seeded(11))
    return float(
        torch.stack([state.score.accuracy(architecture.of_draws(each), batch) for each in drawn.each()]).mean()
    )


def test_the_controller_rests_while_alpha_does() -> None:
    state = planted_state()
    state.plan, before = replace(state.plan, alpha_rests=True), state.copied_alphas()
    state.take(ENAS.rules[0].after_steps(state, 4))
    assert all(torch.equal(alpha, before[name]) for name, alpha in state.alphas.items())
    assert not state.figures


def test_without_validation_images_there_is_no_reward() -> None:
    with pytest.raises(SettingsError, match="validation images, and there are none"):
        ENAS.rules[0].after_steps(planted_state(score=UNSCORED), 4)


def test_validation_batches_come_in_order_over_and_over() -> None:
    score = Scorer(PlantedSupernet(PLANTED), PlantedBatches(PLANTED, 2), CPU)
    seen = [batch.images for batch in itertools.islice(score.endless(), 4)]
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[3])
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"edges": EdgeSoftmax()}, "the slot edges"),
        ({"penalties": (BetaDecay(),)}, "a penalty on alpha"),
        ({"gradient": FirstOrder()}, "a gradient of gates"),
        ({"relaxation": Softmax(), "selection": SampleAndValidate()}, "moves a Controller, and .* Softmax"),
        ({"relaxation": Softmax(), "rules": (), "gradient": FirstOrder()}, "cannot take its candidates from Softmax"),
        ({"update": None}, "a rule that moves alpha but no update"),
    ],
)  # fmt: skip
def test_parts_that_make_no_sense_beside_a_controller_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        replace(ENAS, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("spoken", ["reverse", "negate"])
def test_candidates_are_what_the_controller_says(spoken: str) -> None:
    state, space = planted_state(replace(ENAS, relaxation=Controller(squash=50.0))), PLANTED.space
    with torch.no_grad():
        state.alphas["controller.operations.bias"][space.ops.index(spoken)] = 100.0
    gates = state.architecture.mean_gates(state.alphas)
    trained = Trained(space, state.architecture, state.alphas, gates, state.score, 10, seeded(), lambda _: None)
    judged = SampleAndValidate(20, 1, 0, None, "relaxation").judge(trained)
    assert [choice.op for choice in judged.genotype["cell"].choices] == [spoken] * 3
    assert judged.figures["tried"] == 20
