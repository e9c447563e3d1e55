import pytest
import torch

from dartboard.errors import RecipeError
from dartboard.parts import Recipe, StrongestEdges, WithAttention
from dartboard.parts.architecture import Architecture, all_live
from dartboard.space import ATTENTION, get_space
from dartboard.supernet import Mixing

SPACE = get_space("darts")


def test_attention_is_chosen_edge_by_edge_and_has_no_say_in_which_edges_are_kept() -> None:
    generator = torch.Generator().manual_seed(0)
    recipe = Recipe(mixing=Mixing(attention=ATTENTION), selection=WithAttention(StrongestEdges(), ATTENTION))
    architecture = Architecture.of(recipe, SPACE, all_live(SPACE), torch.device("cpu"))
    alphas = {
        name: torch.randn(alpha.shape, generator=generator)
        for name, alpha in architecture.initial_alphas(generator).items()
    }
    assert {name: tuple(alpha.shape) for name, alpha in alphas.items()} == {
        "normal": (14, 8),
        "reduce": (14, 8),
        "normal.attention": (14, 6),
        "reduce.attention": (14, 6),
    }
    gates = architecture.mean_gates(alphas)
    torch.testing.assert_close(gates["normal.attention"].sum(dim=1), torch.ones(14))
    found, plain = recipe.selection(SPACE, gates, generator), StrongestEdges()(SPACE, gates, generator)
    for kind in ("normal", "reduce"):
        for choice, bare in zip(found[kind].choices, plain[kind].choices, strict=True):
            assert (choice.target, choice.source, choice.op) == (bare.target, bare.source, bare.op)
            row = [(edge.target, edge.source) for edge in SPACE.cell.edges].index((choice.target, choice.source))
            assert choice.attention == ATTENTION[int(alphas[f"{kind}.attention"][row].argmax())]


@pytest.mark.parametrize(
    "parts",
    [
        {"mixing": Mixing(attention=ATTENTION)},
        {"selection": WithAttention(StrongestEdges(), ATTENTION)},
        {"mixing": Mixing(attention=ATTENTION[:2]), "selection": WithAttention(StrongestEdges(), ATTENTION)},
    ],
)
def test_attention_that_is_mixed_and_not_chosen_or_the_reverse_is_refused(parts: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=r"give Mixing and WithAttention the same operations"):
        Recipe(**parts)
