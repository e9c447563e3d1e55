"""Other selections from a supernet that has been trained already, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dartboard.parts.options import call_with_options
from dartboard.parts.recipe import Count, NonNegative, Recipe
from dartboard.parts.removal import removal_stage
from dartboard.parts.selection import SampleAndValidate, Selection, StrongestEdges, Threshold, WithAttention
from dartboard.parts.trials import Measure
from dartboard.registry import Registry

__all__ = ["RESELECTIONS", "Reselection", "make_reselection", "reselection"]


@dataclass(frozen=True)
class Reselection:
    """How another architecture is read from a trained supernet.

    Attributes:
        recipe: the recipe that trained the supernet, in its last stage -> what goes on with it.
        epochs: that the supernet learns on.
        tries: whether architectures or parts of them are tried with the supernet, which must hold all operations.
        epochs_in: space -> that the supernet learns on there, where it is not `epochs`.
        search: settings of the search, by name, that differ from those of the run.
    """

    recipe: Callable[[Recipe], Recipe]
    epochs: int = 0
    tries: bool = False
    epochs_in: Mapping[str, int] = field(default_factory=dict)
    search: Mapping[str, Any] = field(default_factory=dict)

    def learns_for(self, space: str) -> int:
        """Epochs that the supernet learns on in a space."""
        return self.epochs_in.get(space.partition(":")[0], self.epochs)


RESELECTIONS: Registry[Callable[..., Reselection]] = Registry("selection", "dartboard.selections")


def reselection(name: str, *, paper: str = "") -> Callable[[Callable[..., Reselection]], Callable[..., Reselection]]:
    """Register the decorated function as the selection `name`; its keyword arguments are the selection's options."""

    def register(factory: Callable[..., Reselection]) -> Callable[..., Reselection]:
        RESELECTIONS.add(name, factory, paper=paper)
        return factory

    return register


def make_reselection(name: str, options: Mapping[str, Any]) -> Reselection:
    """The selection of that name.

    Raises:
        UnknownNameError: there is no such selection.
        SettingsError: it has no option of that name, or the value does not fit.
    """
    made: Reselection = RESELECTIONS.made(
        name, lambda: call_with_options("selection", name, RESELECTIONS[name].factory, options)
    )
    return made


@reselection("perturbation", paper="arXiv:2108.04392")
def perturbation(
    *,
    measure: Measure = "accuracy",
    epochs: Count | None = None,
    images: Count | Literal["all", "adaptive"] | None = None,
) -> Reselection:
    """Keep the operations and edges without which the supernet does worst, while it learns on.

    Args:
        measure: what tells how good a supernet is on validation images.
        epochs: over which the decisions are spread; null: 81, or 25 in NAS-Bench-201.
        images: images behind a decision: a number, "all" of the other half, or "adaptive"; null: as the search has it
            in `search.decision_images`, and "adaptive" if it had a budget.
    """
    return Reselection(
        lambda trained: _read_by(removal_stage(trained, measure), StrongestEdges()),
        epochs or 81,
        True,
        {} if epochs else {"nas-bench-201": 25},
        {"decision_images": images},
    )


@reselection("strongest", paper="arXiv:1806.09055")
def strongest() -> Reselection:
    """Keep the operations and edges with the largest gates."""
    return Reselection(lambda trained: _read_by(replace(trained, rules=()), StrongestEdges()))


@reselection("threshold", paper="arXiv:1911.12126")
def threshold(*, least: NonNegative = 0.85, form: Literal["sparse", "edge"] = "sparse") -> Reselection:
    """Keep the operations whose gates reach a threshold.

    Args:
        least: the threshold.
        form: "sparse" looks at the best operation of the strongest edges, "edge" at the two best of all edges.
    """
    return Reselection(lambda trained: _read_by(replace(trained, rules=()), Threshold(least, form)))


@reselection("sample", paper="arXiv:1902.07638")
def sample(
    *,
    candidates: Count = 1000,
    batches: Count = 3,
    finalists: Count = 10,
    origin: Literal["uniform", "shares", "likeliest"] = "uniform",
) -> Reselection:
    """Draw architectures, score them with the weights of the supernet, and take the best.

    Args:
        candidates: architectures tried.
        batches: of 256 validation images on which all of them are scored.
        finalists: scored on all validation images.
        origin: whether they are drawn uniformly, by the shares of the gates, or are the likeliest ones.
    """
    chosen = SampleAndValidate(candidates, batches, finalists, None, origin)
    return Reselection(lambda trained: _read_by(replace(trained, rules=()), chosen), tries=True)


def _read_by(recipe: Recipe, selection: Selection) -> Recipe:
    """The recipe with another selection, which chooses the attention that the supernet mixes as well."""
    attention, end = recipe.mixing.attention, recipe.mixing.end
    chosen = WithAttention(selection, attention, end) if attention or end else selection
    return replace(recipe, selection=chosen)
