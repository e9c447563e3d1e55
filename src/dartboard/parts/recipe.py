"""A method as data: which part fills which slot."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, validate_call

from dartboard.errors import RecipeError, SettingsError, suggest
from dartboard.parts.architecture import all_live
from dartboard.parts.companions import Distillation
from dartboard.parts.demands import Demanding
from dartboard.parts.gradient import FirstOrder, Gradient
from dartboard.parts.hypernetworks import Hypernetwork
from dartboard.parts.penalties import Joining, Penalty
from dartboard.parts.perturbations import Perturbation
from dartboard.parts.pruning import Pruning
from dartboard.parts.relaxation import Relaxation, Softmax
from dartboard.parts.rules import Rule
from dartboard.parts.selection import Selection, StrongestEdges, WithAttention
from dartboard.parts.update import Update
from dartboard.registry import Registry
from dartboard.space import SearchSpace
from dartboard.supernet import Mixing

__all__ = [
    "METHODS",
    "Count",
    "Images",
    "NonNegative",
    "Positive",
    "Recipe",
    "Share",
    "Stage",
    "call_with_options",
    "initial_live",
    "make_recipe",
    "method",
]

Count = Annotated[int, Field(ge=1)]
"""Type of a method's option that counts something and must be at least 1."""

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Type of a method's option that must be finite and not below 0; `make_recipe` checks it."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""Type of a method's option that must be finite and above 0."""

Share = Annotated[float, Field(ge=0, lt=1)]
"""Type of a method's option that is a share, not below 0 and below 1."""

Images = Literal["halves", "same-images", "same-batch"]
"""Which images alpha learns from: another half than the weights; the weights' own, in other batches; or the very batch
of the weights, with one backward pass for both."""


@dataclass(frozen=True)
class Recipe:
    """A search method: one part per slot.

    Attributes:
        relaxation: how alpha becomes gates.
        edges: how the weights of edges come about; None: edges have none.
        mixing: how the gated outputs of an edge's operations join.
        without: candidate operations of the space that the method leaves out.
        only_selectable: whether also those are left out that no discrete cell takes: `none`, where edges are dropped.
        hypernetwork: makes the weights of candidate operations from alpha; None: they learn on their own.
        gradient: what d loss / d alpha is; None leaves alpha to the rules, without one that moves it as it starts.
        update: how alpha moves; given exactly when there is a gradient, or a rule that moves alpha.
        companion: a second network that learns beside the supernet; None: there is none.
        images: which images alpha learns from.
        penalties: what joins the loss of alpha.
        perturbation: what shakes the gates of the weight step; None: nothing.
        rules: what happens when, in this order.
        selection: which genotype comes out.
        deeper: cells added to every group of cells between reductions.
        earlier: stages before this one, each with a supernet of its own; what they leave is fewer live operations.
        restarts_rate: whether the weights' learning rate starts its cosine anew in every stage.
        weight_lr_factor: multiplies the learning rate of the weights (`search.weight_lr`), which never ends higher than
            it began.
        published: search settings of the paper where they differ from the defaults, by name; presets and the user
            override them.

    Raises:
        RecipeError: the parts do not fit together.
    """

    relaxation: Relaxation = field(default_factory=Softmax)
    edges: Relaxation | None = None
    mixing: Mixing = field(default_factory=Mixing)
    without: tuple[str, ...] = ()
    only_selectable: bool = False
    hypernetwork: Hypernetwork | None = None
    gradient: Gradient | None = None
    update: Update | None = None
    companion: Distillation | None = None
    images: Images = "halves"
    penalties: tuple[Penalty | Joining, ...] = ()
    perturbation: Perturbation | None = None
    rules: tuple[Rule, ...] = ()
    selection: Selection = field(default_factory=StrongestEdges)
    deeper: int = 0
    earlier: tuple["Stage", ...] = ()
    restarts_rate: bool = True
    weight_lr_factor: float = 1.0
    published: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        moves = self.gradient is not None or any(rule.moves_alpha for rule in self.rules)
        if moves != (self.update is not None):
            mover = "gradient" if self.gradient else "rule that moves alpha"
            given, missing = (mover, "update") if self.update is None else ("update", "gradient")
            raise RecipeError(
                f"the recipe has a {given} but no {missing}; alpha moves only with both, so give both or none"
            )
        if self.images == "same-batch":
            self._check_same_batch()
        self._check_simplex()
        for part in self.parts:
            if isinstance(part, Demanding) and (reason := part.refuse_recipe(self)):
                remedy = "" if ";" in reason else "; leave it out, or choose parts that agree"
                raise RecipeError(f"{reason}{remedy}.")
        if self.perturbation:
            self._check_perturbation(self.perturbation)
        if self.hypernetwork and not isinstance(self.gradient, FirstOrder):
            raise RecipeError(
                f"{type(self.hypernetwork).__name__} shows alpha how the weights respond, which needs a first-order "
                "gradient and no other; take FirstOrder, or leave out the hypernetwork."
            )
        if self.mixing.attention != (self.selection.attention if isinstance(self.selection, WithAttention) else ()):
            raise RecipeError(
                f"the supernet mixes the attention {', '.join(self.mixing.attention) or 'none'}, and the selection "
                "does not choose among just these; give both the same, by WithAttention."
            )
        if sum(stage.share for stage in self.earlier) >= 1:
            raise RecipeError("the earlier stages take all epochs and leave none to the last; lower their shares.")

    def _check_same_batch(self) -> None:
        if not isinstance(self.gradient, FirstOrder):
            raise RecipeError(
                "weights and alpha step on the same batch by one backward pass, which is a first-order gradient; take "
                "FirstOrder, or other images."
            )
        if self.perturbation:
            raise RecipeError(
                f"{type(self.perturbation).__name__} shakes the gates of the weight step alone, and on the same batch "
                "both steps share one pass; leave it out, or take other images."
            )

    def _check_perturbation(self, perturbation: Perturbation) -> None:
        name, relaxation = type(perturbation).__name__, type(self.relaxation).__name__
        if self.relaxation.draws:
            raise RecipeError(
                f"{name} shakes the gates of all operations, and {relaxation} runs only those that it draws; leave out "
                "the perturbation or take a softmax."
            )
        if not self.relaxation.sums_to_one:
            raise RecipeError(
                f"{name} shakes shares of one, and the gates of {relaxation} are none; leave out the perturbation or "
                "take a softmax."
            )

    def _check_simplex(self) -> None:
        """An update on the simplex keeps distributions; a softmax of a distribution would be a mistake."""
        wants = self.update is not None and self.update.on_simplex
        for slot, part in (("relaxation", self.relaxation), ("edges", self.edges)):
            if part is not None and self.update is not None and part.on_simplex != wants:
                raise RecipeError(
                    f"{type(self.update).__name__} {'keeps' if wants else 'does not keep'} alpha a distribution, and "
                    f"{type(part).__name__} (slot {slot}) {'does not take one' if wants else 'needs one'}; choose "
                    "parts that agree."
                )
        if wants and self.mixing.attention:
            raise RecipeError(
                f"{type(self.update).__name__} keeps alpha a distribution, and attention operations are mixed by a "
                "softmax, which does not take one; leave out the attention."
            )

    @property
    def parts(self) -> tuple[object, ...]:
        """Every part, those of earlier stages excepted."""
        learning = (self.relaxation, self.edges, self.hypernetwork, self.gradient, self.update, self.companion)
        single = (*learning, self.perturbation, self.selection)
        return (*(part for part in single if part is not None), *self.penalties, *self.rules)

    @property
    def stages(self) -> tuple["Stage", ...]:
        """All stages; the last is this recipe itself."""
        rest = 1 - sum(stage.share for stage in self.earlier)
        return (*self.earlier, Stage(replace(self, earlier=()), rest))

    def with_rules_first(self, *rules: Rule) -> "Recipe":
        """The same with further rules before those of every stage."""
        earlier = tuple(replace(stage, recipe=stage.recipe.with_rules_first(*rules)) for stage in self.earlier)
        return replace(self, rules=(*rules, *self.rules), earlier=earlier)


@dataclass(frozen=True)
class Stage:
    """A search with a supernet of its own.

    Attributes:
        recipe: its parts, without stages of its own.
        share: of the epochs.
        pruning: which operations the next stage still has; None: all.
        leaves: what the next stage starts from: "nothing" of this one but its live operations; its "weights", alphas
            and decisions; or "everything", with the momentum of weights and alphas.
    """

    recipe: Recipe
    share: float
    pruning: Pruning | None = None
    leaves: Literal["nothing", "weights", "everything"] = "nothing"


def initial_live(recipe: Recipe, space: SearchSpace) -> dict[str, list[list[str]]]:
    """The operations that a search by this recipe begins with."""
    live = all_live(space, recipe.without)
    if not recipe.only_selectable:
        return live
    return {
        kind: [
            [name for name in names if space.ops.index(name) in columns]
            for names, columns in zip(edges, space.selectable_columns(kind), strict=True)
        ]
        for kind, edges in live.items()
    }


METHODS: Registry[Callable[..., Recipe]] = Registry("method", "dartboard.methods", gives=Recipe)


def method(name: str, *, paper: str = "") -> Callable[[Callable[..., Recipe]], Callable[..., Recipe]]:
    """Register the decorated function as the method `name`; its keyword arguments are the method's options."""

    def register(factory: Callable[..., Recipe]) -> Callable[..., Recipe]:
        METHODS.add(name, factory, paper=paper)
        return factory

    return register


def make_recipe(name: str, options: Mapping[str, Any]) -> Recipe:
    """The recipe of a method.

    Args:
        name: registry name.
        options: the method's options.

    Raises:
        UnknownNameError: there is no such method.
        SettingsError: the method has no option of that name, or the value does not fit.
        RecipeError: the options choose parts that do not fit together.
    """
    made: Recipe = METHODS.checked(name, call_with_options("method", name, METHODS[name].factory, options))
    return made


def call_with_options(kind: str, name: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    """What a registered factory makes of options.

    Args:
        kind: what it is a factory of, for messages ("method").
        name: registry name.
        factory: whose keyword arguments are the options.
        options: their values.

    Raises:
        SettingsError: there is no option of that name, or the value does not fit.
    """
    known = inspect.signature(factory).parameters
    for key in options:
        if key not in known:
            hint = suggest(key, known) if known else "it has none."
            raise SettingsError(f"the {kind} '{name}' has no option '{key}'; {hint}")
    try:
        return validate_call(factory)(**options)
    except ValidationError as error:
        detail = error.errors()[0]
        raise SettingsError(
            f"the option '{detail['loc'][0]}' of the {kind} '{name}' cannot be {detail['input']!r}: {detail['msg']}."
        ) from error
