"""A method as data: which part fills which slot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import Field

from dartboard.errors import RecipeError
from dartboard.parts.architecture import all_live
from dartboard.parts.companions import Distillation
from dartboard.parts.demands import Demanding
from dartboard.parts.discrete import DiscreteSearch
from dartboard.parts.gradient import FirstOrder, Gradient
from dartboard.parts.hypernetworks import Hypernetwork
from dartboard.parts.options import call_with_options
from dartboard.parts.penalties import Joining, JoiningGradient, Penalty, WeightPenalty
from dartboard.parts.perturbations import Perturbation
from dartboard.parts.pruning import Pruning
from dartboard.parts.relaxation import Relaxation, Softmax
from dartboard.parts.rules import Rule
from dartboard.parts.selection import Selection, StrongestEdges, WithAttention
from dartboard.parts.update import Update
from dartboard.registry import Registry
from dartboard.space import SearchSpace
from dartboard.supernet import Mixing
from dartboard.wording import count

__all__ = [
    "DARTS_STEPS",
    "METHODS",
    "ONE_BATCH",
    "Count",
    "Images",
    "NonNegative",
    "Positive",
    "Recipe",
    "Share",
    "Stage",
    "initial_live",
    "make_recipe",
    "method",
]

DARTS_STEPS = 50 * 391
"""Steps of alpha in the search of the DARTS paper: 50 epochs, 25,000 images in batches of 64 (arXiv:1806.09055)."""

Count = Annotated[int, Field(ge=1)]
"""Type of a method's option that counts something and must be at least 1."""

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Type of a method's option that must be finite and at least 0; `make_recipe` checks it."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""Type of a method's option that must be finite and above 0."""

Share = Annotated[float, Field(ge=0, lt=1)]
"""Type of a method's option that is a share: at least 0 and below 1."""

Images = Literal["halves", "same-images", "same-batch", "half-images", "half-batch"]
"""Which images alpha learns from.

"halves": alpha and weights learn from different halves of the images. "same-images": they learn from the same images,
in different batches. "same-batch": they learn from the same batch, with one backward pass for both. "half-images" and
"half-batch" are the same with that half alone on which "halves" trains the weights, so that comparisons of the three
have equal images and steps."""

ONE_BATCH: tuple[Images, ...] = ("same-batch", "half-batch")
"""Those in which alpha and weights step at once."""


@dataclass(frozen=True)
class Recipe:
    """A search method: one part per slot.

    Attributes:
        relaxation: how alpha becomes gates.
        edges: how alpha becomes weights of edges; None: edges have no weights.
        mixing: how the gated outputs of an edge's operations join.
        without: candidate operations of the space that the method leaves out.
        only_selectable: whether the method also leaves out operations that no discrete cell takes: `none`, in spaces
            that drop edges.
        hypernetwork: makes the weights of candidate operations from alpha; None: these weights are trained themselves.
        gradient: how d loss / d alpha is computed. None: only rules move alpha; without such a rule, alpha keeps its
            start values.
        update: how alpha moves; required if there is a gradient or a rule that moves alpha, otherwise None.
        companion: a second network that learns beside the supernet; None: there is no second network.
        images: which images alpha learns from.
        penalties: terms that join the loss of alpha.
        weight_penalties: what joins the loss of the weights, or its gradient; the record has the plain loss.
        perturbation: perturbs the gates of the weight step; None: the gates stay as they are.
        rules: rules that look at the search before and after every epoch, in the order in which they are asked.
        selection: chooses the genotype.
        discrete: architectures are trained and compared one by one, and no supernet learns; None: one does.
        deeper: cells added to every group of cells between reductions.
        earlier: stages before this one, each with its own supernet; they leave fewer live operations to the next.
        restarts_rate: whether the cosine of the weights' learning rate starts again in every stage.
        weight_lr_factor: multiplies the learning rate of the weights (`search.weight_lr`); the rate never ends higher
            than it began.
        published: search settings of the paper, by name, if they differ from the defaults. Only the user, automatic
            choices and presets that are small on purpose override them.
        published_in: family of spaces (`SearchSpace.family`), or a preset as "preset:NAME" -> further settings of the
            paper there, which win over `published`; those that are not of the search go by whole names such as
            "method.options.decay". A family wins over a preset.
        published_steps: steps of alpha in this stage of the paper's search, for which the rate of the update is meant;
            a shorter search has a higher one (`rate_for_length`). None: as many as the published epochs have on the
            50,000 images of CIFAR-10, in batches of the published size.
        smallest: family of spaces -> settings by which the method shrinks under a preset that is small on purpose, in
            place of those of the preset; "" stands for all families.

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
    weight_penalties: tuple[WeightPenalty, ...] = ()
    perturbation: Perturbation | None = None
    rules: tuple[Rule, ...] = ()
    selection: Selection = field(default_factory=StrongestEdges)
    discrete: DiscreteSearch | None = None
    deeper: int = 0
    earlier: tuple["Stage", ...] = ()
    restarts_rate: bool = True
    weight_lr_factor: float = 1.0
    published: Mapping[str, Any] = field(default_factory=dict)
    published_in: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    published_steps: int | None = None
    smallest: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_moves()
        if sum(isinstance(penalty, JoiningGradient) for penalty in self.weight_penalties) > 1:
            raise RecipeError("two penalties cannot both make the gradient of the weights; keep one of them.")
        if self.discrete:
            self._check_discrete()
        if self.images in ONE_BATCH:
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
                f"{type(self.hypernetwork).__name__} makes the weights depend on alpha, and works only with a "
                "first-order gradient; take FirstOrder, or leave out the hypernetwork."
            )
        choice = self.selection if isinstance(self.selection, WithAttention) else Mixing()
        if (self.mixing.attention, self.mixing.end) != (choice.attention, choice.end):
            mixed = ", ".join((*self.mixing.attention, *self.mixing.end)) or "none"
            raise RecipeError(
                f"the supernet mixes the attention operations {mixed}, and the "
                "selection does not choose among the same ones; give Mixing and WithAttention the same operations."
            )
        if sum(stage.share for stage in self.earlier) >= 1:
            raise RecipeError("the earlier stages take all epochs and leave none to the last one; lower their shares.")

    def _check_moves(self) -> None:
        moves = self.gradient is not None or any(rule.moves_alpha for rule in self.rules)
        if moves != (self.update is not None):
            mover = "gradient" if self.gradient else "rule that moves alpha"
            given, missing = (mover, "update") if self.update is None else ("update", "gradient")
            raise RecipeError(
                f"the recipe has a {given} but no {missing}; alpha moves only with both, so give both or none"
            )

    def _check_discrete(self) -> None:
        learning = (self.gradient, self.hypernetwork, self.companion, self.perturbation, self.edges)
        parts = [*filter(None, learning), *self.penalties, *self.weight_penalties, *self.rules]
        if parts or self.earlier:
            what = f"{type(parts[0]).__name__} acts" if parts else "earlier stages act"
            raise RecipeError(
                f"{what} on a supernet, and a search that trains architectures one by one has none; leave it out, or "
                "leave out the slot discrete."
            )

    def _check_same_batch(self) -> None:
        if not isinstance(self.gradient, FirstOrder):
            raise RecipeError(
                "weights and alpha learn from the same batch with one backward pass, which gives a first-order "
                "gradient only; take FirstOrder, or other images."
            )
        if self.weight_penalties:
            raise RecipeError(
                f"{type(self.weight_penalties[0]).__name__} joins the loss of the weights only, and on the same batch "
                "both steps share one loss; leave it out, or take other images."
            )
        if self.perturbation:
            raise RecipeError(
                f"{type(self.perturbation).__name__} perturbs the gates of the weight step only, and on the same batch "
                "both steps share one pass; leave it out, or take other images."
            )

    def _check_perturbation(self, perturbation: Perturbation) -> None:
        name, relaxation = type(perturbation).__name__, type(self.relaxation).__name__
        if self.relaxation.draws:
            raise RecipeError(
                f"{name} perturbs the gates of all operations, and {relaxation} runs only those that it draws; leave "
                "out the perturbation or take a softmax."
            )
        if not self.relaxation.sums_to_one:
            raise RecipeError(
                f"{name} needs gates that sum to one on every edge, and the gates of {relaxation} do not; leave out "
                "the perturbation or take a softmax."
            )

    def _check_simplex(self) -> None:
        """Refuse an update on the simplex without relaxations on the simplex, and the other way round."""
        wants = self.update is not None and self.update.on_simplex
        for slot, part in (("relaxation", self.relaxation), ("edges", self.edges)):
            if part is not None and self.update is not None and part.on_simplex != wants:
                raise RecipeError(
                    f"{type(self.update).__name__} {'keeps' if wants else 'does not keep'} alpha a distribution, and "
                    f"{type(part).__name__} (slot {slot}) {'does not take one' if wants else 'needs one'}; choose "
                    "parts that agree."
                )
        if wants and (self.mixing.attention or self.mixing.end):
            raise RecipeError(
                f"{type(self.update).__name__} keeps alpha a distribution, and attention operations are mixed by a "
                "softmax, which does not take one; leave out the attention."
            )

    @property
    def parts(self) -> tuple[object, ...]:
        """Every part, except those of earlier stages."""
        learning = (self.relaxation, self.edges, self.hypernetwork, self.gradient, self.update, self.companion)
        single = (*learning, self.perturbation, self.selection)
        discrete = (self.discrete.sampler, self.discrete.schedule) if self.discrete else ()
        slots = (*(part for part in single if part is not None), *discrete)
        return (*slots, *self.penalties, *self.weight_penalties, *self.rules)

    def alpha_steps(self, epochs: int, steps: int) -> int:
        """How many steps a gradient of alpha takes in a stage of so many epochs of so many weight steps.

        It is 0 where only rules move alpha, which have steps of their own.
        """
        if self.gradient is None:
            return 0
        resting = 0
        for rule in self.rules:
            own = rule.resting_epochs(epochs)
            resting, steps = resting if own is None else own, rule.alpha_steps(steps)
        return (epochs - resting) * steps

    def idle_in(self, epochs: int) -> list[str]:
        """What the recipe cannot do in a stage of so many epochs, in sentences."""
        told = [reason for rule in self.rules if (reason := rule.idle_in(epochs))]
        if self.gradient and epochs and not self.alpha_steps(epochs, 1):
            told.append(f"the weights learn alone in all {count(epochs, 'epoch')}, so alpha never moves")
        return told

    @property
    def stages(self) -> tuple["Stage", ...]:
        """All stages; the last is this recipe itself."""
        rest = 1 - sum(stage.share for stage in self.earlier)
        return (*self.earlier, Stage(replace(self, earlier=()), rest))

    def with_published_steps(self, steps: Sequence[int]) -> "Recipe":
        """The same recipe, in which every stage has a number of `published_steps`."""
        *before, own = steps
        earlier = tuple(
            replace(stage, recipe=replace(stage.recipe, published_steps=each))
            for stage, each in zip(self.earlier, before, strict=True)
        )
        return replace(self, earlier=earlier, published_steps=own)

    def with_rules_first(self, *rules: Rule) -> "Recipe":
        """The same recipe with further rules, which come before the other rules of every stage."""
        earlier = tuple(replace(stage, recipe=stage.recipe.with_rules_first(*rules)) for stage in self.earlier)
        return replace(self, rules=(*rules, *self.rules), earlier=earlier)


@dataclass(frozen=True)
class Stage:
    """A part of a search, with its own supernet.

    Attributes:
        recipe: the parts of the stage; it has no earlier stages.
        share: share of the search's epochs.
        pruning: chooses the operations that the next stage still has; None: all.
        leaves: what the next stage takes over. "nothing": only the live operations. "weights": also weights, alphas and
            decisions. "everything": also the momentum of weights and alphas.
    """

    recipe: Recipe
    share: float
    pruning: Pruning | None = None
    leaves: Literal["nothing", "weights", "everything"] = "nothing"


def initial_live(recipe: Recipe, space: SearchSpace) -> dict[str, list[list[str]]]:
    """Cell kind -> for every edge the operations with which a search by this recipe begins."""
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


def method(name: str, *, paper: str = "", group: str = "") -> Callable[[Callable[..., Recipe]], Callable[..., Recipe]]:
    """Register the decorated function as the method `name`; its keyword arguments are the method's options.

    Args:
        name: registry name.
        paper: where the method was published.
        group: what one takes it for, a key of `REGISTRIES["methods"].groups`; lists are in that order.
    """

    def register(factory: Callable[..., Recipe]) -> Callable[..., Recipe]:
        METHODS.add(name, factory, paper=paper, group=group)
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
    made: Recipe = METHODS.made(name, lambda: call_with_options("method", name, METHODS[name].factory, options))
    return made
