import pytest

import dartboard.methods  # noqa: F401 - importing registers the methods
from dartboard.engine import SearchSettings
from dartboard.errors import RecipeError, SettingsError, UnknownNameError
from dartboard.parts import (
    AdamUpdate,
    AdversarialPerturbation,
    DenseHypernetwork,
    EmbeddingHypernetwork,
    FirstOrder,
    NoTraining,
    RandomPerturbation,
    Recipe,
    Unrolled,
    method,
)
from dartboard.parts.recipe import METHODS, make_recipe


def test_the_methods_are_the_parts_that_their_papers_name() -> None:
    darts, second, random = (make_recipe(name, {}) for name in ("darts", "darts-2nd", "random"))
    assert darts.gradient == FirstOrder()
    assert second.gradient == Unrolled("finite-difference", radius=0.01)
    assert darts.update == second.update == AdamUpdate(lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    assert random.gradient is None
    assert random.rules == (NoTraining(),)


def test_smooth_darts_shakes_what_its_paper_shakes() -> None:
    random, adversarial = (make_recipe(name, {}) for name in ("sdarts-rs", "sdarts-adv"))
    assert random.perturbation == RandomPerturbation(epsilon_start=0.03, epsilon_end=0.3, space="probs")
    assert adversarial.perturbation == AdversarialPerturbation(0.03, 0.3, "probs", steps=7, random_start=True)
    assert random.gradient == adversarial.gradient == FirstOrder()
    assert make_recipe("sdarts-rs", {"second_order": True}).gradient == Unrolled()


HYPER_1 = {"epochs": 49, "batch_size": 48, "weight_lr": 0.05}


@pytest.mark.parametrize(
    ("name", "network", "alpha_lr", "published"),
    [
        ("hyperdarts-1", DenseHypernetwork(), 6e-4, HYPER_1),
        ("hyperdarts-2", DenseHypernetwork("sigmoid"), 9e-4, {"weight_lr": 0.075}),
        ("hyperdarts-embedding", EmbeddingHypernetwork(size=32), 6e-4, HYPER_1),
    ],
)
def test_hyper_darts_has_the_networks_and_rates_of_the_thesis(name: str, network, alpha_lr: float, published) -> None:
    recipe = make_recipe(name, {})
    assert recipe.hypernetwork == network
    assert recipe.hypernetwork.direct_gradient
    assert recipe.update == AdamUpdate(lr=alpha_lr, betas=(0.5, 0.999), weight_decay=1e-3)
    assert recipe.published == {**published, "weight_lr_min": 0.0}
    settings = SearchSettings(**recipe.published)
    assert (settings.momentum, settings.weight_decay, settings.weight_lr_min) == (0.9, 3e-4, 0.0)


def test_options_reach_the_parts() -> None:
    recipe = make_recipe("darts-2nd", {"alpha_lr": 0.1, "alpha_weight_decay": 0, "second_derivative": "exact"})
    assert recipe.update == AdamUpdate(lr=0.1, weight_decay=0.0)
    assert recipe.gradient == Unrolled("exact")


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"gradient": FirstOrder()}, "has a gradient but no update"),
        ({"update": AdamUpdate()}, "has a update but no gradient"),
    ],
)
def test_a_recipe_with_half_of_what_moves_alpha_is_refused(parts, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        Recipe(**parts)


def test_a_misspelt_method_is_answered_with_the_nearest_names() -> None:
    with pytest.raises(UnknownNameError, match=r"there is no method 'drats'; did you mean .*'darts'"):
        make_recipe("drats", {})


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("darts", {"alpha_rl": 1}, r"the method 'darts' has no option 'alpha_rl'; did you mean 'alpha_lr'\?"),
        ("darts", {"beta": 1}, r"has no option 'beta'; known: alpha_lr, alpha_weight_decay\."),
        ("random", {"alpha_lr": 1}, r"the method 'random' has no option 'alpha_lr'; it has none\."),
        ("darts", {"alpha_lr": "fast"}, r"the option 'alpha_lr' of the method 'darts' cannot be 'fast': .*number"),
        ("darts", {"alpha_lr": -1.0}, r"the option 'alpha_lr' of the method 'darts' cannot be -1\.0: .*greater than"),
        ("darts", {"alpha_weight_decay": -1}, r"the option 'alpha_weight_decay' .* cannot be -1: "),
        ("darts-2nd", {"alpha_lr": float("nan")}, r"the option 'alpha_lr' .* cannot be nan: "),
        ("darts-2nd", {"alpha_weight_decay": float("inf")}, r"the option 'alpha_weight_decay' .* cannot be inf: "),
        ("darts-2nd", {"second_derivative": "none"}, r"'second_derivative' .* cannot be 'none': .*'finite-difference'"),
    ],
)
def test_a_wrong_option_is_answered_with_one_sentence(name: str, options, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as caught:
        make_recipe(name, options)
    assert "\n" not in str(caught.value)


def test_the_error_of_a_methods_own_parts_comes_through() -> None:
    @method("half")
    def half() -> Recipe:
        return Recipe(gradient=FirstOrder())

    try:
        with pytest.raises(RecipeError, match="no update"):
            make_recipe("half", {})
        with pytest.raises(ValueError, match="the method 'half' is registered twice"):
            method("half")(half)
    finally:
        METHODS.remove("half")
