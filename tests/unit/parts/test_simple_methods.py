"""What the simple gradient methods are made of, and what their papers' special cases give."""

from pathlib import Path
from typing import Any

import pytest
import torch

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import RecipeError, SettingsError
from dartboard.parts import (
    AdamUpdate,
    BestEpoch,
    BetaDecay,
    EdgeSimplex,
    EdgeSoftmax,
    ExponentiatedUpdate,
    FadeAuxiliary,
    FirstOrder,
    Recipe,
    SgdUpdate,
    Sigmoid,
    Simplex,
    Softmax,
    StopAtSkips,
    StopAtStableRanking,
    StrongestPairs,
    Threshold,
    WarmUp,
    ZeroOne,
    method,
)
from dartboard.parts.recipe import METHODS, make_recipe
from dartboard.reports import write_report
from dartboard.runs import Epoch, Observer, RunDirectory
from dartboard.session import evaluate_networks, search_genotype, train_networks
from dartboard.settings import check_method, read_genotype, resolve_settings
from dartboard.space import get_space
from dartboard.supernet import Mixing, ReferenceSupernet, SupernetSpec
from dartboard.testing import Outcome, open_small, outcome

DARTS, NB201 = get_space("darts"), get_space("nas-bench-201")


pytestmark = pytest.mark.usefixtures("small_space")


def search(
    folder: Path, name: str, *layers: dict[str, Any], observer: Observer | None = None, **options: object
) -> Outcome:
    chosen = {f"method.options.{key}": value for key, value in options.items()}
    method_layer = {"method.name": name, "search.epochs": 2, "search.steps_per_epoch": 2, **chosen}
    with RunDirectory(folder) as run:
        search_genotype(open_small(run, method_layer, *layers, observer=observer))
    return outcome(folder)


class Stopped(Exception):
    """Stands for a kill."""


class StopAfterTwo(Observer):
    def epoch(self, event: Epoch) -> None:
        if event.epoch == 2:
            raise Stopped


def test_options_choose_the_parts_of_the_ablations() -> None:
    single = make_recipe("single-darts", {})
    assert (single.relaxation, single.images) == (Sigmoid("share"), "same-batch")
    assert single.update == AdamUpdate(lr=3e-4, betas=(0.5, 0.999), weight_decay=0.0)
    ablation = make_recipe("single-darts", {"activation": "softmax", "update": "sgd"})
    assert (ablation.relaxation, ablation.update) == (Softmax(), SgdUpdate(lr=0.005, momentum=0.9, weight_decay=3e-4))
    given = {"update": "sgd", "alpha_lr": 0.1, "alpha_momentum": 0.0, "alpha_weight_decay": 0.2}
    assert make_recipe("single-darts", given).update == SgdUpdate(0.1, 0.0, 0.2)
    assert make_recipe("single-darts", {"alpha_lr": 0.1, "alpha_weight_decay": 0.2}).update == AdamUpdate(
        0.1, weight_decay=0.2
    )
    arms = {"halves": "halves", "same-images": "half-images", "same-batch": "half-batch"}
    for images, matched in arms.items():
        assert make_recipe("single-darts", {"images": images}).images == images
        if matched != images:
            assert make_recipe("single-darts", {"images": images, "matched": True}).images == matched
    assert make_recipe("fair-darts", {"single_level": True}).images == "same-batch"
    assert make_recipe("fair-darts", {"form": "edge", "threshold": 0.5}).selection == Threshold(0.5, "edge")
    assert make_recipe("i-darts", {"pairs": "any"}).selection == StrongestPairs()
    ranking = make_recipe("darts-plus", {"criterion": "ranking", "unchanged": 0.1})
    assert ranking.rules == (StopAtStableRanking(0.1),)
    assert make_recipe("darts-plus", {"skips": 3, "keep": "previous"}).rules == (StopAtSkips(3, "previous"),)


def test_gaea_keeps_the_best_epoch_of_two_levels_and_the_last_of_one() -> None:
    assert make_recipe("gaea", {}).rules == (BestEpoch(),)
    single = make_recipe("gaea", {"images": "same-images", "partial_channels": True})
    assert (single.rules, single.edges, single.mixing) == ((), EdgeSimplex(), Mixing(channel_share=4))
    assert (make_recipe("gaea", {}).without, single.without) == (("none",), ())


@pytest.mark.parametrize(
    ("name", "options", "published"),
    [
        ("pc-darts", {}, (256, 0.1, 0.0)),
        ("fair-darts", {}, (128, 0.005, 0.001)),
        ("gaea", {"partial_channels": True}, (256, 0.1, 0.0)),
        ("gaea", {}, (64, 0.025, 0.001)),
        ("single-darts", {}, (64, 0.025, 0.001)),
    ],
)
def test_a_search_has_the_papers_settings(name: str, options, published) -> None:
    asked = {"preset": "darts-cifar", "method": {"name": name, "options": options}}
    settings = resolve_settings(asked).search
    assert (settings.batch_size, settings.weight_lr, settings.weight_lr_min) == published


@pytest.mark.parametrize(
    ("preset", "space", "rate", "batch"),
    [
        ("nas-bench-201", "nas-bench-201", 0.005, 64),
        ("darts-cifar", "darts", 0.025, 64),
        ("darts-cifar", "darts:nodes=3", 0.025, 64),
        ("darts-cifar", "robust-s2", 0.025, 64),
        ("darts-cifar", "nas-bench-201", 0.005, 64),
        ("darts-imagenet", "darts", 0.025, 360),
    ],
)
def test_single_darts_has_the_rates_of_its_paper_in_every_space(
    preset: str, space: str, rate: float, batch: int
) -> None:
    search = resolve_settings({"preset": preset, "method": "single-darts", "space": space}).search
    assert (search.weight_lr, search.batch_size, search.weight_lr_min) == (rate, batch, 0.001)


def test_sgd_moves_alpha_by_the_rule_of_the_ablation() -> None:
    """From rest by -0.005 (g + 3e-4 alpha); the same gradient again moves it 1.9 times as far."""
    alpha, gradient = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True), torch.tensor([[1.0, -2.0]])
    update = make_recipe("single-darts", {"update": "sgd"}).update
    assert update is not None
    optimizer, places = update.optimizer({"cell": alpha}, {}), [alpha.detach().clone()]
    for _ in range(2):
        alpha.grad = gradient.double()
        optimizer.step()
        places.append(alpha.detach().clone())
    torch.testing.assert_close(places[1], -0.005 * gradient.double())
    torch.testing.assert_close(places[2] - places[1], 1.9 * places[1], rtol=1e-5, atol=0)
    far = torch.full((1, 2), 100.0, dtype=torch.float64, requires_grad=True)
    far.grad = gradient.double()
    update.optimizer({"cell": far}, {}).step()
    torch.testing.assert_close(far.detach(), 100 - 0.005 * (gradient.double() + 3e-4 * 100))


def test_the_supernet_of_pc_darts_has_as_many_weights_as_the_authors() -> None:
    plan = DARTS.plan(in_channels=3, num_classes=10, init_channels=16, layers=8)
    with torch.device("meta"):
        supernet = ReferenceSupernet(SupernetSpec(DARTS, plan, make_recipe("pc-darts", {}).mixing))
    assert sum(weight.numel() for weight in supernet.parameters()) == 299_578


def same_settings(name: str) -> dict[str, Any]:
    return {"method.name": name, "search.weight_lr": 0.02, "search.weight_lr_min": 0.001, "search.batch_size": 6}


def test_pc_darts_with_all_channels_and_without_edge_weights_is_darts(tmp_path: Path) -> None:
    options = {"channel_share": 1, "edge_weights": False, "warm_up": 0.0, "alpha_lr": 3e-4}
    found = search(tmp_path / "pc", "pc-darts", same_settings("pc-darts"), **options)
    assert found == search(tmp_path / "darts", "darts", same_settings("darts"), alpha_lr=3e-4)


def test_darts_minus_without_its_gate_is_darts(tmp_path: Path) -> None:
    """In NAS-Bench-201 auxiliary skip connections have no weights, so that both supernets start alike."""
    space = {"space": "nas-bench-201"}
    found = search(tmp_path / "minus", "darts-minus", space, auxiliary_gate=0.0)
    wanted = search(tmp_path / "darts", "darts", space)
    for result in (found, wanted):
        result["checkpoints"]["search.pt"].pop("auxiliary_gate")
    assert found == wanted


def test_an_auxiliary_skip_connection_adds_its_input_and_alpha_does_not_feel_its_gate() -> None:
    """Operations skip_connect and none, alpha 0, gate 1: an edge gives 1.5 times its input."""
    plan = NB201.plan(in_channels=1, num_classes=2, init_channels=4, layers=1)
    live = {"cell": [["none", "skip_connect"]] * 6}
    supernet = ReferenceSupernet(SupernetSpec(NB201, plan, Mixing(auxiliary_skip=True)).with_live(live))
    cell = supernet.backbone.blocks[0]
    x = torch.ones(1, 4, 2, 2)
    gates = {"cell": torch.full((6, 5), 0.5, requires_grad=True)}

    def edge(gate: float) -> torch.Tensor:
        call = supernet_call(gates | {"cell.auxiliary": torch.full((6,), gate)})
        return cell._edge(0, x, call)

    torch.testing.assert_close(edge(1.0), 1.5 * x)
    slopes = [torch.autograd.grad(edge(gate).sum(), [gates["cell"]])[0] for gate in (0.0, 1.0)]
    assert torch.equal(*slopes)


def supernet_call(gates):
    from dartboard.supernet.reference import SupernetCall

    return SupernetCall(gates, None)


def test_beta_darts_is_darts_in_its_first_epoch(tmp_path: Path) -> None:
    one = {"search.epochs": 1}
    found, wanted = (search(tmp_path / name, name, one) for name in ("beta-darts", "darts"))
    assert found["checkpoints"]["search.pt"]["alphas"] == wanted["checkpoints"]["search.pt"]["alphas"]


def test_darts_plus_stops_at_a_skip_connection_and_says_so(tmp_path: Path) -> None:
    found = search(tmp_path / "stopped", "darts-plus", {"seed": 0}, skips=1, alpha_lr=0.0)
    counts = [event.get("operation_counts", {}).get("skip_connect", 0) for event in found["events"]]
    assert counts[0] > 0, "this seed's first cell has a skip connection"
    assert [event["event"] for event in found["events"]] == ["epoch", "stop"]
    ranking = search(tmp_path / "ranking", "darts-plus", {"seed": 0}, criterion="ranking")
    assert ranking["events"][0]["ranking_unchanged"] == 0


@pytest.fixture
def _combined():
    """Partial channels and edge weights of PC-DARTS, update of GAEA, penalty of beta-DARTS."""

    @method("combined")
    def combined() -> Recipe:
        return Recipe(
            relaxation=Simplex(),
            edges=EdgeSimplex(),
            mixing=Mixing(channel_share=2),
            gradient=FirstOrder(),
            update=ExponentiatedUpdate(),
            penalties=(BetaDecay(1.0),),
            rules=(WarmUp(0.1), BestEpoch()),
        )

    yield
    METHODS.remove("combined")


@pytest.mark.usefixtures("_combined")
def test_parts_of_several_methods_search_together_and_resume(tmp_path: Path) -> None:
    whole = search(tmp_path / "whole", "combined", {"search.epochs": 4})
    with pytest.raises(Stopped):
        search(tmp_path / "halved", "combined", {"search.epochs": 4}, observer=StopAfterTwo())
    assert search(tmp_path / "halved", "combined", {"search.epochs": 4}) == whole
    with RunDirectory(tmp_path / "halved") as run:
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    for kind in ("normal", "reduce"):
        torch.testing.assert_close(saved["alphas"][kind].sum(dim=1), torch.ones(5))
        torch.testing.assert_close(saved["alphas"][f"{kind}.edges"][:2].sum(), torch.ones(()))
    assert whole["events"][-1]["best_epoch"] in (2, 3, 4)


REFUSED = [
    (
        {"update": ExponentiatedUpdate()},
        r"ExponentiatedUpdate keeps alpha a distribution, and Softmax \(slot relaxation\) does not take one",
    ),
    ({"relaxation": Simplex()}, r"AdamUpdate does not keep alpha a distribution, and Simplex .* needs one"),
    (
        {"relaxation": Simplex(), "update": ExponentiatedUpdate(), "edges": EdgeSoftmax()},
        r"EdgeSoftmax \(slot edges\) does not take one",
    ),
    (
        {"relaxation": Simplex(), "update": ExponentiatedUpdate(), "mixing": Mixing(attention=("skip_connect",))},
        r"attention operations are mixed by a softmax, which does not take one; leave out the attention",
    ),
    (
        {"penalties": (ZeroOne(),)},
        r"ZeroOne pushes sigmoids to 0 or 1, and the gates of Softmax are not sigmoids; leave",
    ),
    ({"rules": (FadeAuxiliary(),)}, r"FadeAuxiliary sets the gate of auxiliary skip connections, and the mixing has"),
]


@pytest.mark.parametrize(("parts", "sentence"), REFUSED)
def test_parts_that_make_no_sense_together_are_refused(parts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        Recipe(**{"gradient": FirstOrder(), "update": AdamUpdate(), **parts})


@pytest.mark.parametrize(
    ("method_settings", "error", "sentence"),
    [
        (
            {"name": "i-darts", "options": {"pairs": "any"}},
            RecipeError,
            r"StrongestPairs drops .* keeps every edge; choose another method, or another space than 'nas-bench-201'",
        ),
        (
            {"name": "pc-darts", "options": {"channel_share": 3}},
            SettingsError,
            r"search.init_channels must be a multiple of 3, but it is",
        ),
    ],
)
def test_what_does_not_fit_the_space_or_the_supernet_is_refused_before_any_data(
    method_settings, error: type[Exception], sentence: str
) -> None:
    settings = resolve_settings({"space": "nas-bench-201", "preset": "smoke", "method": method_settings})
    with pytest.raises(error, match=sentence):
        check_method(settings)


def test_a_cell_that_has_lost_nodes_is_trained_tested_reported_and_read_again(tmp_path: Path) -> None:
    with RunDirectory(tmp_path) as run:
        session = open_small(run, {"method.name": "fair-darts", "search.epochs": 1, "train.epochs": 1})
        genotype = search_genotype(session)
        assert {len(cell.outputs) for _, cell in genotype.cells} == {1}, "no gate reaches 0.85 in an epoch"
        evaluate_networks(session, train_networks(session, genotype))
    assert read_genotype(tmp_path) == genotype
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert all(choice.op in page for _, cell in genotype.cells for choice in cell.choices)
