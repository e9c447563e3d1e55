"""What the watches measure, by closed forms, slow twins and planted answers."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from dartboard.engine.stage import StageSearch
from dartboard.engine.watches import Observation, Probes, make_watch
from dartboard.engine.watches.correlation import Arrived, arrivals, gradient_correlation
from dartboard.engine.watches.derived import discrete_step, onset
from dartboard.engine.watches.operator_gradients import gradients_by_place, margin
from dartboard.engine.watches.protocol import mean_step, rank_correlation
from dartboard.engine.watches.skips import Residuals, best_shares, residuals
from dartboard.parts.architecture import StepGates
from dartboard.runs import make_generator
from dartboard.space import Genotype, parse_genotype
from dartboard.supernet import by_place

from .searched import after_an_epoch, stage


def rows(*values: list[float]) -> Tensor:
    """Maps of one pixel: (images, channels, 1, 1)."""
    return torch.tensor(values, dtype=torch.float64)[:, :, None, None]


@pytest.mark.parametrize("kernel", [False, True])
def test_the_correlation_of_two_batches_by_hand(kernel: bool) -> None:
    validation = Arrived(rows([1, 0], [0, 1]), [rows([1], [2])])
    training = Arrived(rows([1, 1]), [rows([3])])
    value = gradient_correlation(validation, training, kernel=kernel)
    own = [gradient_correlation(each, each, kernel=kernel) for each in (validation, training)]
    assert (value, *own) == (9.0, 5.0, 18.0)
    assert value / math.sqrt(own[0] * own[1]) == pytest.approx(0.9487, abs=5e-5)


@given(st.integers(0, 1000))
def test_the_correlation_is_the_inner_product_of_what_both_do_to_a_matrix(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)

    def arrived(images: int) -> Arrived:
        maps = [torch.randn(images, 2, 3, 3, generator=draw, dtype=torch.float64) for _ in range(3)]
        return Arrived(maps[0], maps[1:])

    one, other = arrived(3), arrived(4)

    def updates(each: Arrived) -> list[Tensor]:
        return [torch.einsum("bg,bx->gx", each.gradients.flatten(1), x.flatten(1)) for x in each.inputs]

    by_hand = sum(float((a * b).sum()) for a, b in zip(updates(one), updates(other), strict=True))
    assert gradient_correlation(one, other) == pytest.approx(by_hand)
    assert gradient_correlation(one, one) >= 0


def test_the_correlation_in_a_supernet_is_the_double_sum_over_images(tmp_path: Path) -> None:
    with stage(tmp_path) as search:
        event, probes = after_an_epoch(search)
        (validation,), (training,) = probes.validation(), probes.training()
        assert not torch.equal(validation.images, training.images)
        found = make_watch("gradient-correlation").measure(search, event, probes)
        blocks = [block for block, _ in search.supernet.cells()]
        one, other = (arrivals(search, batch, [blocks[-1]])[blocks[-1], 3] for batch in (validation, training))
        total = 0.0
        for x, other_x in zip(one.inputs, other.inputs, strict=True):
            for j in range(len(x)):
                for k in range(len(other_x)):
                    of_gradients = (one.gradients[j].double() * other.gradients[k].double()).sum()
                    total += float(of_gradients * (x[j].double() * other_x[k].double()).sum())
    assert found is not None
    pairs = len(validation.images) * len(training.images)
    assert found.figures[f"correlation cell {len(blocks)} node 3"] == pytest.approx(total / pairs)
    shares = [value for name, value in found.figures.items() if name.startswith("share")]
    assert len(shares) == 3 * 3  # first, middle and last cell, three nodes each
    assert all(value is not None and -1 <= value <= 1 for value in shares)


class LastNode:
    """Keeps the map of the last node."""

    def edge(self, block: int, row: int, x: Tensor, outputs: Mapping[str, Tensor], mixed: Tensor) -> None:
        """Edges do not matter."""

    def cell(self, block: int, states: Sequence[Tensor]) -> None:  # noqa: ARG002
        """Keep the last map of the last cell."""
        self.map = states[-1]


def test_gradients_at_a_node_are_those_of_the_sum_of_losses(tmp_path: Path) -> None:
    with stage(tmp_path) as search:
        _, probes = after_an_epoch(search)
        (batch,) = probes.validation()
        backbone, last = search.supernet.backbone, LastNode()
        block = len(backbone.blocks) - 1
        gates, active = mean_step(search)
        search.supernet(batch.images, gates, active, reader=last)
        read = last.map.detach().requires_grad_()  # the classifier reads the last node of the last cell
        logits = backbone.classifier(backbone.head(read).mean(dim=(2, 3)))
        (by_hand,) = torch.autograd.grad(functional.cross_entropy(logits, batch.labels, reduction="sum"), [read])
        torch.testing.assert_close(arrivals(search, batch, [block])[block, 3].gradients, by_hand)


def test_one_batch_for_alpha_and_weights_agrees_with_itself(tmp_path: Path) -> None:
    with stage(tmp_path, {"method.name": "single-darts"}) as search:
        event, probes = after_an_epoch(search)
        found = make_watch("gradient-correlation").measure(search, event, probes)
    assert found is not None
    for name, value in found.figures.items():
        assert value is not None
        assert value == pytest.approx(1.0) if name.startswith("share") else value >= 0


def loss_at(search: StageSearch, probes: Probes, gates: dict[str, Tensor]) -> Tensor:
    (batch,) = probes.validation()
    return functional.cross_entropy(search.supernet(batch.images, gates), batch.labels)


def test_gradients_by_cell_are_those_of_autograd_and_of_finite_differences(tmp_path: Path) -> None:
    with stage(tmp_path) as search:
        _, probes = after_an_epoch(search)
        search.supernet.double()
        probes._kept = {
            name: [batch._replace(images=batch.images.double()) for batch in [*probes.validation()]]
            for name in ("alphas", "weights")
        }
        search.state.alphas = {name: alpha.double() for name, alpha in search.state.alphas.items()}
        found = gradients_by_place(search, probes)["cell"]
        gates, _ = mean_step(search)
        shared = gates["cell"].clone().requires_grad_()
        (whole,) = torch.autograd.grad(loss_at(search, probes, {**gates, "cell": shared}), [shared])
        torch.testing.assert_close(found.sum(dim=0), whole)
        placed, step = by_place(gates, search.supernet.spec.cell_counts)["cell"].clone(), 1e-6
        last = (len(placed) - 1, 2, 3)
        ends = []
        for sign in (1, -1):
            moved = placed.clone()
            moved[last] += sign * step
            ends.append(float(loss_at(search, probes, {**gates, "cell": moved}).detach()))
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(found[last]), rel=1e-4, abs=1e-9)


def test_the_margin_of_an_edge_is_learnable_less_not_learnable() -> None:
    assert margin({"nor_conv_3x3": -3.0, "nor_conv_1x1": -1.0, "skip_connect": 2.0, "none": 0.0}) == -3.0
    assert margin({"skip_connect": 2.0, "none": 0.0}) is None


def test_operator_gradients_tell_every_edge_of_the_last_cell_or_of_all(tmp_path: Path) -> None:
    with stage(tmp_path) as search:
        event, probes = after_an_epoch(search)
        last = make_watch("operator-gradients").measure(search, event, probes)
        every = make_watch("operator-gradients:cells=all").measure(search, event, probes)
    assert last is not None
    assert every is not None
    cells = sum(name.startswith("margin") for name in last.figures)
    assert (len(last.parts), len(every.parts)) == (6, 6 * cells)
    assert list(every.parts[-6:]) == list(last.parts)
    assert last.figures == every.figures


def test_the_hypergradient_is_the_gradient_that_the_method_computes(tmp_path: Path) -> None:
    with stage(tmp_path, {"method.name": "darts-2nd"}) as search:
        event, probes = after_an_epoch(search)
        before = {name: alpha.detach().clone() for name, alpha in search.state.alphas.items()}
        found = make_watch("hypergradient:batches=1").measure(search, event, probes)
        (training,), (validation,) = probes.training(), probes.validation()
        gradient = search.make_steps("by-hand-").gradient_on(training, validation)["cell"]
        first_order = torch.autograd.grad(
            functional.cross_entropy(
                search.supernet(validation.images, search.state.architecture.mean_gates(search.state.alphas)),
                validation.labels,
            ),
            [search.state.alphas["cell"]],
        )[0]
        assert all(torch.equal(search.state.alphas[name], alpha) for name, alpha in before.items())
    assert found is not None
    assert found.figures["mean"] == pytest.approx(float(gradient.abs().mean()), rel=1e-6)
    assert found.figures["mean"] != pytest.approx(float(first_order.abs().mean()), rel=1e-6)
    assert found.figures["batch_size"] == 6


def test_the_curvature_is_that_of_the_loss_at_the_deterministic_gates(tmp_path: Path) -> None:
    with stage(tmp_path, {"method.name": "gdas"}) as search:
        event, probes = after_an_epoch(search)
        found = make_watch("curvature").measure(search, event, probes)
        again = make_watch("curvature").measure(search, event, probes)
        (batch,) = probes.validation()

        def loss(alpha: Tensor) -> Tensor:
            gates = search.state.architecture.mean_gates({"cell": alpha})
            return functional.cross_entropy(search.supernet(batch.images, gates), batch.labels)

        whole = torch.autograd.functional.hessian(loss, search.state.alphas["cell"].detach()).reshape(30, 30).double()
    assert found is not None
    assert found == again
    assert found.figures["trace"] == pytest.approx(float(whole.trace()), rel=1e-3, abs=1e-6)
    largest = float(torch.linalg.eigvalsh((whole + whole.T) / 2)[-1])
    # The residual of the iteration is below 3e-4 of the eigenvalues.
    assert found.figures["eigenvalue"] == pytest.approx(largest, rel=1e-3, abs=1e-6)


def test_onset_is_the_first_epoch_from_which_on_all_cells_are_below_the_mean() -> None:
    assert onset([80, 90, 70, 60, 50], 75) == 3
    assert onset([70, 60, 80], 75) is None
    assert onset([70, 60, None], 75) is None


@pytest.mark.usefixtures("real_tables")
def test_the_derived_cell_is_looked_up_by_every_schedule_apart(tmp_path: Path) -> None:
    with stage(tmp_path) as search:
        event, probes = after_an_epoch(search)
        best = parse_genotype(
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|",
            space="nas-bench-201",
        )
        watch = make_watch("derived-accuracy")
        found = watch.measure(search, event.model_copy(update={"genotype": best.to_json()}), probes)
    assert found is not None
    assert found.figures["200 epochs cifar10_test"] == pytest.approx(0.9436, abs=2e-3)
    assert found.figures["12 epochs cifar10_test"] != found.figures["200 epochs cifar10_test"]
    told = watch.conclude([Observation(1, found.figures)])
    assert told["below the mean for good from epoch, 200 epochs cifar10_test"] is None


def test_the_gap_is_zero_where_only_one_operation_has_a_gate(tmp_path: Path) -> None:
    with stage(tmp_path) as search:
        event, probes = after_an_epoch(search)
        genotype = Genotype.from_json(event.genotype)
        with torch.no_grad():
            columns = search.state.architecture.of_genotype(genotype).active["cell"]
            alpha = search.state.alphas["cell"].fill_(-1e4)
            for row, chosen in enumerate(columns):
                alpha[row, list(chosen)] = 1e4
        score = search.validate(search.mean_gates(search.state.alphas))
        facts = {"validation_accuracy": score.accuracy, "validation_loss": score.loss}
        found = make_watch("discretisation-gap").measure(search, event.model_copy(update=facts), probes)
    assert found is not None
    assert (found.figures["gap"], found.figures["loss gap"]) == (0.0, 0.0)


def test_the_gap_is_the_difference_of_two_scores(tmp_path: Path) -> None:
    with stage(tmp_path) as search:
        event, probes = after_an_epoch(search)
        found = make_watch("discretisation-gap").measure(search, event, probes)
        only = search.state.architecture.of_genotype(Genotype.from_json(event.genotype))
        score = search.state.score(StepGates(only.gates, only.active))
    assert found is not None
    assert event.validation_loss is not None
    assert found.figures["loss gap"] == pytest.approx(score.loss - event.validation_loss, abs=1e-5)
    assert abs(found.figures["loss gap"] or 0) > 1e-3


@pytest.mark.parametrize("method", ["pc-darts", "darts-minus"])
def test_an_edge_that_is_given_up_leaves_nothing_of_itself(method: str, tmp_path: Path) -> None:
    with stage(tmp_path, {"method.name": method, "space": "darts", "search.layers": 3}) as search:
        event, probes = after_an_epoch(search)
        (batch,) = probes.validation()
        gates, active = discrete_step(search, Genotype.from_json(event.genotype))
        kept = gates["normal.edges"]
        assert active is None
        assert (int(kept.sum()), len(kept)) == (8, 14)
        none = {**gates, **{f"{kind}.edges": torch.zeros_like(kept) for kind in ("normal", "reduce")}}
        blank = search.supernet(torch.zeros_like(batch.images), none)
        torch.testing.assert_close(search.supernet(batch.images, none), blank)


@given(st.floats(0.1, 4), st.floats(0.1, 4), st.floats(-0.9, 0.9))
def test_the_best_shares_minimise_the_variance_of_what_is_lacking(skip: float, other: float, r: float) -> None:
    found = Residuals(skip, other, r * math.sqrt(skip * other))
    shares = best_shares(found)
    assert shares is not None
    assert sum(shares) == pytest.approx(1)

    def variance(convolution: float) -> float:
        a, b = convolution, 1 - convolution
        return a * a * other + b * b * skip + 2 * a * b * found.covariance

    assert all(variance(shares[0]) <= variance(shares[0] + step) + 1e-9 for step in (-0.1, 0.1))


def test_the_best_shares_by_hand() -> None:
    assert best_shares(Residuals(1.0, 3.0, 0.0)) == (0.25, 0.75)
    assert best_shares(Residuals(1.0, 3.0, 0.5)) == pytest.approx((1 / 6, 5 / 6))
    assert best_shares(Residuals(1.0, 1.0, 1.0)) is None


def test_planted_maps_give_back_their_variances() -> None:
    draw = torch.Generator().manual_seed(0)
    m, a, b = (torch.randn(64, 4, 8, 8, generator=draw) for _ in range(3))
    found = residuals(m + a, m + math.sqrt(3) * b, m)
    # 16,384 entries: the standard error of a variance v is v * sqrt(2 / 16384), about 1 %.
    assert found.skip == pytest.approx(1, abs=0.05)
    assert found.convolution == pytest.approx(3, abs=0.15)
    assert found.covariance == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("others", ["cell", "node"])
def test_residual_variances_are_told_edge_by_edge(others: str, tmp_path: Path) -> None:
    with stage(tmp_path) as search:
        event, probes = after_an_epoch(search)
        found = make_watch(f"residual-variance:others={others}").measure(search, event, probes)
        cells = len(list(search.supernet.cells()))
    assert found is not None
    # The node 1 of a cell has one edge only, which has no others into its node.
    assert len(found.parts) == cells * (6 if others == "cell" else 5)
    for part in found.parts:
        assert part["input"] > 0
        assert 0 < part["actual"] < 1


def test_the_advantage_of_skips_is_zero_at_the_start_and_one_where_all_edges_skip(tmp_path: Path) -> None:
    with stage(tmp_path) as search:
        event, probes = after_an_epoch(search)
        watch = make_watch("skip-advantage")
        even = event.model_copy(update={"gates": {"cell": [[0.2] * 5] * 6}})
        skips = [float(name == "skip_connect") for name in event.operations]
        found = [
            watch.measure(search, each, probes)
            for each in (even, event.model_copy(update={"gates": {"cell": [skips] * 6}}))
        ]
        summed = make_watch("skip-advantage:pooled=sum").measure(search, even, probes)
    assert [each.figures["advantage"] for each in found if each] == pytest.approx([0, 1])
    assert summed is not None
    assert summed.figures["advantage"] == pytest.approx(0.2 - 0.4)


def test_the_rank_correlation_needs_three_pairs_that_differ() -> None:
    assert rank_correlation([1, 2, 3, None], [2, 4, 9, 1]) == pytest.approx(1)
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
    told = make_watch("skip-advantage").conclude(
        [Observation(n, {"advantage": float(n)}, validation_accuracy=-float(n)) for n in range(1, 5)]
    )
    assert list(told.values()) == pytest.approx([-1])


def test_probes_are_the_same_at_every_epoch_and_on_every_resumption(tmp_path: Path) -> None:
    with stage(tmp_path) as search:
        one, other = Probes(search, 1), Probes(search, 1)
        first = one.validation()[0].images
        assert torch.equal(one.validation(3)[0].images, first)
        assert torch.equal(other.validation()[0].images, first)
        own = next(search.batches.alphas.forever(make_generator(1, "watch", "alphas")))
        assert torch.equal(own.images, first)
        assert len(first) == 6
