"""An edge that is given up brings nothing to its node, in both engines and under every mixing."""

import pytest
import torch

from dartboard.parts import EdgeSoftmax, Recipe, StrongestEdges, WithAttention
from dartboard.parts.architecture import Architecture, all_live
from dartboard.parts.rules import ByRemoval, EpochPlan
from dartboard.parts.rules.removal import Scorable
from dartboard.parts.trials import Trial, TrialImages
from dartboard.space import CellGenotype, Choice, Genotype
from dartboard.supernet import FusedSupernet, Mixing, ReferenceSupernet, SupernetSpec

from .engines import SMALL_SPACES, ask, build, small_spec

ENGINES = (ReferenceSupernet, FusedSupernet)
SPACE = SMALL_SPACES[0]
MIXINGS = {
    "plain": Mixing(),
    "partial": Mixing(channel_share=4),
    "auxiliary": Mixing(auxiliary_skip=True),
    "both": Mixing(channel_share=4, auxiliary_skip=True),
    "attention": Mixing(attention=("identity", "double_attention")),
}
every_mixing = pytest.mark.parametrize("mixing", MIXINGS.values(), ids=MIXINGS)
every_engine = pytest.mark.parametrize("engine", ENGINES)


def made(mixing: Mixing, *, weighs_edges: bool = False) -> tuple[SupernetSpec, Architecture]:
    selection = WithAttention(StrongestEdges(), mixing.attention) if mixing.attention else StrongestEdges()
    recipe = Recipe(mixing=mixing, edges=EdgeSoftmax() if weighs_edges else None, selection=selection)
    spec = small_spec(SPACE, width=8, mixing=mixing)
    return spec, Architecture.of(recipe, SPACE, all_live(SPACE), torch.device("cpu"))


def alphas_of(architecture: Architecture) -> dict[str, torch.Tensor]:
    return {
        name: (1000 * alpha).double()
        for name, alpha in architecture.initial_alphas(torch.Generator().manual_seed(1)).items()
    }


def giving_up(architecture: Architecture, rows: dict[str, list[int]]) -> Architecture:
    plan = EpochPlan()
    for kind, own in rows.items():
        for row in own:
            plan = plan.decided(kind, row, None)
    return architecture.at(1.0, 1.0, plan.decisions)


def logits_of(engine: type[ReferenceSupernet], spec: SupernetSpec, architecture: Architecture) -> list[torch.Tensor]:
    """Those of the mean gates, and of the gates of a step."""
    alphas, images = alphas_of(architecture), ask(spec).images
    drawn = architecture.draw(alphas, torch.Generator(), of_alpha=False)
    given = [(architecture.mean_gates(alphas), architecture.active), (drawn.gates, drawn.active)]
    supernet = build(engine, spec)
    with torch.no_grad():
        return [supernet(images, gates, active) for gates, active in given]


@every_mixing
@every_engine
@pytest.mark.parametrize("weighs_edges", [False, True])
def test_without_any_edge_the_logits_do_not_depend_on_the_image(
    mixing: Mixing, engine: type[ReferenceSupernet], weighs_edges: bool
) -> None:
    spec, architecture = made(mixing, weighs_edges=weighs_edges)
    rows = list(range(len(SPACE.cell.edges)))
    for logits in logits_of(engine, spec, giving_up(architecture, dict.fromkeys(SPACE.cell_kinds, rows))):
        assert torch.equal(logits, logits[:1].expand_as(logits))


@every_mixing
@every_engine
def test_an_edge_that_is_given_up_is_one_of_the_weight_0(mixing: Mixing, engine: type[ReferenceSupernet]) -> None:
    spec, architecture = made(mixing)
    alphas, images = alphas_of(architecture), ask(spec).images
    gates = architecture.mean_gates(alphas)
    for kind in SPACE.cell_kinds:
        weights = torch.ones(len(SPACE.cell.edges), dtype=torch.float64)
        weights[[0, 3]] = 0.0
        gates[f"{kind}.edges"] = weights
    with torch.no_grad():
        wanted = build(engine, spec)(images, gates)
        untouched = build(engine, spec)(images, architecture.mean_gates(alphas))
    for found in logits_of(engine, spec, giving_up(architecture, {kind: [0, 3] for kind in SPACE.cell_kinds})):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)
    assert not torch.allclose(untouched, wanted), "the edges do bring something"


@every_mixing
def test_both_engines_give_up_the_same(mixing: Mixing) -> None:
    spec, architecture = made(mixing, weighs_edges=True)
    given_up = giving_up(architecture, {"normal": [1], "reduce": [0, 2]})
    for reference, fused in zip(*(logits_of(engine, spec, given_up) for engine in ENGINES), strict=True):
        torch.testing.assert_close(fused, reference, rtol=1e-9, atol=1e-12)


def test_a_decided_edge_keeps_its_bypass_and_removing_an_operation_leaves_it_alone() -> None:
    """Only edges are taken out whole; the other weights of edges are not renormalised."""
    _, architecture = made(Mixing(channel_share=4), weighs_edges=True)
    alphas = alphas_of(architecture)
    before = architecture.mean_gates(alphas)["normal.edges"]
    kept = architecture.at(1.0, 1.0, EpochPlan().decided("normal", 1, "none").decisions)
    assert torch.equal(kept.mean_gates(alphas)["normal.edges"], before)
    out = giving_up(architecture, {"normal": [1]}).mean_gates(alphas)["normal.edges"]
    assert out.tolist() == [weight if row != 1 else 0.0 for row, weight in enumerate(before.tolist())]

    seen: list[dict[str, torch.Tensor]] = []

    class Looks:
        images = TrialImages(lambda: None, 4)  # type: ignore[arg-type, return-value]

        def __call__(self, tried, start, stop):  # noqa: ARG002 - as `Trying`
            seen.extend(each.gates for each in tried)
            return [Trial(torch.ones(4, dtype=torch.bool), 1.0) for _ in tried]

    given = Scorable(architecture, alphas, Looks())
    ByRemoval()(given, "normal", 2)
    assert all(torch.equal(gates["normal.edges"], before) for gates in seen)
    seen.clear()
    ByRemoval().edges(given, "normal", [2, 3, 4], 1)
    assert [int((gates["normal.edges"] == 0).sum()) for gates in seen] == [0, 1, 1, 1]
    assert all(torch.equal(gates["normal"], seen[0]["normal"]) for gates in seen)


@pytest.mark.parametrize("mixing", [Mixing(), Mixing(channel_share=4), Mixing(auxiliary_skip=True)])
@every_engine
def test_an_architecture_in_a_supernet_has_no_edges_but_its_own(
    mixing: Mixing, engine: type[ReferenceSupernet]
) -> None:
    """Neither bypassing channels nor auxiliary skip connections are left of the others."""
    spec, architecture = made(mixing)
    cell = CellGenotype(tuple(Choice(node, source, "max_pool_3x3") for node in (2, 3) for source in (0, 1)), (2, 3))
    genotype = Genotype("darts:nodes=2", tuple((kind, cell) for kind in SPACE.cell_kinds))
    drawn, alphas = architecture.of_genotype(genotype), alphas_of(architecture)
    gates = architecture.mean_gates(alphas)
    for kind in SPACE.cell_kinds:
        own = torch.zeros_like(gates[kind])
        own[[0, 1, 2, 3], SPACE.ops.index("max_pool_3x3")] = 1.0
        gates |= {kind: own, f"{kind}.edges": torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0], dtype=torch.float64)}
        if mixing.auxiliary_skip:
            gates[f"{kind}.auxiliary"] = torch.zeros(5, dtype=torch.float64)
    supernet, images = build(engine, spec), ask(spec).images
    with torch.no_grad():
        found = supernet(images, {name: gate.double() for name, gate in drawn.gates.items()}, drawn.active)
        torch.testing.assert_close(found, supernet(images, gates), rtol=1e-9, atol=1e-12)
