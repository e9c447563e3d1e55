"""The learning rate of alpha: by the method, the length of the search, and what the user asked for."""

from dartboard.parts.recipe import DARTS_STEPS, Recipe
from dartboard.parts.update import rate_for_length
from dartboard.runs import Record

__all__ = ["AlphaRate", "alpha_rate"]


class AlphaRate(Record):
    """The learning rate of alpha in one stage of a search, beside that of the paper."""

    rate: float
    """The learning rate."""

    steps: int
    """Steps of alpha that are planned; 0 where only rules move it."""

    published: float
    """The rate of the method's paper."""

    published_steps: int | None
    """Steps of alpha in the search that this rate is published for; null where the rate does not depend on them."""

    def __str__(self) -> str:
        told = f"{self.rate:.3g} in {_steps(self.steps)}" if self.steps else f"{self.rate:.3g}"
        if self.published_steps is not None:
            return f"{told} (published: {self.published:.3g} in {_steps(self.published_steps)})"
        return f"{told} (published)" if self.rate == self.published else f"{told} (published: {self.published:.3g})"


def _steps(number: int) -> str:
    return f"{number:,} step{'s' * (number != 1)}"


def alpha_rate(recipe: Recipe, factor: float | None, epochs: int, steps: int) -> AlphaRate | None:
    """The learning rate of alpha in a stage; None where alpha has no update.

    Args:
        recipe: of the stage.
        factor: what the user multiplies the method's rate by; None: the rate follows the number of steps.
        epochs: of the stage.
        steps: of the weights in each of them.
    """
    update = recipe.update
    if update is None:
        return None
    own = (recipe.published_steps or DARTS_STEPS) if update.follows_length else None
    taken = recipe.alpha_steps(epochs, steps)
    if factor is not None:
        rate = factor * update.lr
    else:
        rate = update.lr if own is None or not taken else rate_for_length(update.lr, own, taken)
    return AlphaRate(rate=rate, steps=taken, published=update.lr, published_steps=own)
