"""Options are checked, and those that would do nothing beside others are refused in a sentence."""

import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.errors import SettingsError
from dartboard.parts.options import Need, call_with_options, needs
from dartboard.parts.recipe import make_recipe


@needs(size="shape=square", edge="thickness>0", scale=("reference", "shape!=none"), fading="fades=true")
def drawn(
    *,
    shape: str = "circle",
    size: int = 3,
    thickness: float = 0.0,
    edge: str = "red",
    reference: float | None = None,
    scale: float = 1.0,
    fades: bool = False,
    fading: str = "slow",
) -> dict[str, object]:
    return {"shape": shape, "size": size, "scale": scale, "edge": edge, "fading": fading}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"size": 4}, "'size' of the drawing 'it' does nothing with shape=circle; leave it out, or set shape=square."),
        ({"edge": "blue"}, "does nothing with thickness=0.0; leave it out, or set thickness above 0."),
        ({"scale": 2.0}, "does nothing without reference; leave it out, or give reference."),
        (
            {"scale": 2.0, "reference": 1.0, "shape": "none"},
            "does nothing with shape=none; leave it out, or give shape another value.",
        ),
        ({"fading": "fast"}, "does nothing with fades=false; leave it out, or set fades=true."),
        ({"size": 3}, "does nothing"),  # the default too: whoever gives it counts on an effect
    ],
)
def test_an_option_without_what_it_needs_is_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError) as raised:
        call_with_options("drawing", "it", drawn, options)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shape": "square", "size": 4},
        {"thickness": 0.5, "edge": "blue"},
        {"reference": 0.0, "scale": 2.0},
        {"fades": True, "fading": "fast"},
    ],
)
def test_an_option_with_what_it_needs_is_taken(options: dict[str, object]) -> None:
    assert call_with_options("drawing", "it", drawn, options) == drawn(**options)  # type: ignore[arg-type]


def test_a_need_that_cannot_be_met_is_an_error_of_whoever_declares_it() -> None:
    with pytest.raises(ValueError, match="no condition"):
        Need.of("a<b")
    with pytest.raises(ValueError, match="drawn has no option 'weight'"):
        needs(weight="shape=square")(drawn)
    with pytest.raises(ValueError, match="drawn has no option 'colour'"):
        needs(size="colour=red")(drawn)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("single-darts", {"start": "half", "activation": "softmax"}, "'start'"),
        ("single-darts", {"alpha_momentum": 0.5}, "set update=sgd"),
        ("single-darts", {"matched": True, "images": "halves"}, "'matched'"),
        ("drnas", {"anchor_weight": 0.1, "anchor": "ball"}, "'anchor_weight'"),
        ("sgas", {"history": 2}, "set criterion=2"),
        ("cdarts", {"penalty_fades": 0.5, "penalty": 0.0}, "set penalty above 0"),
        ("fair-darts", {"zero_one": "l1", "zero_one_weight": 0}, "set zero_one_weight above 0"),
        ("robust-darts", {"cutout": 0.2}, "set drop_path above 0"),
        ("darts-plus", {"unchanged": 0.1}, "set criterion=ranking"),
        ("proxyless", {"cost_form": "add#linear"}, "give cost_reference"),
        ("proxyless", {"cost_form": "add#linear", "cost_reference": 1e6, "gradient": "reinforce"}, "gradient another"),
    ],
)
def test_methods_refuse_what_would_do_nothing(name: str, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError) as raised:
        make_recipe(name, options)
    assert "does nothing" in str(raised.value)
    assert sentence in str(raised.value)
