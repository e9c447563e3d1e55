from dartboard.parts import AdamUpdate, EdgeSoftmax, FirstOrder, KeepStrongest, Recipe, Stage, WarmUp
from dartboard.parts.describe import describe_recipe
from dartboard.supernet import Mixing


def test_a_recipe_is_told_by_its_parts_and_what_differs_from_their_defaults() -> None:
    recipe = Recipe(
        edges=EdgeSoftmax(),
        mixing=Mixing(channel_share=4),
        without=("none",),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=6e-4),
        rules=(WarmUp(0.3),),
    )
    assert describe_recipe(recipe) == [
        {
            "relaxation": "Softmax",
            "edges": "EdgeSoftmax",
            "mixing": "Mixing(channel_share=4)",
            "without": "none",
            "gradient": "FirstOrder",
            "update": "AdamUpdate(lr=0.0006)",
            "images": "halves",
            "rules": "WarmUp(fraction=0.3)",
            "selection": "StrongestEdges",
        }
    ]


def test_stages_are_told_one_by_one() -> None:
    first, last = describe_recipe(Recipe(earlier=(Stage(Recipe(), 0.25, KeepStrongest(5)),), deeper=2))
    assert (first["epochs"], first["pruning"]) == ("25%", "KeepStrongest(count=5)")
    assert (last["epochs"], last["deeper"]) == ("75%", "2")
    assert "deeper" not in first
