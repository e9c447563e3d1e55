"""Settings of a search; the defaults are the DARTS paper's."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from dartboard.config import Settings
from dartboard.data import AugmentSettings
from dartboard.space import Stem
from dartboard.wording import names_in

__all__ = ["SearchSettings"]

Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class SearchSettings(Settings):
    """How a supernet is trained (arXiv:1806.09055, section A.1.1)."""

    documents = frozenset({"start_at"})

    epochs: Positive | None = 50
    """Epochs of the search; null: as many as `images` allows, 10 to 50."""

    steps_per_epoch: Positive | None = None
    """Steps of an epoch, each epoch seeing other images; null: a pass over the half that trains the weights, or with
    `epochs` null as many as `images` allows."""

    seconds: Annotated[float, Field(gt=0)] | None = None
    """Seconds that the search may take: each epoch gets an equal part of what is left, in steps, from the second one
    on; a selection that tries architectures in the end gets a third of all. What decisions by perturbation take for
    their trials comes on top, so that they do not shorten the learning in between. null: it takes what it takes."""

    images: Positive = 20_000
    """When `epochs` is null: images of 32x32 pixels that the weights may see, or as many others as cost the same."""

    batch_size: Positive = 64
    """Images per step, for weights and for alpha alike."""

    init_channels: Positive = 16
    """Width of the supernet's first cells."""

    layers: Annotated[int, Field(gt=0, le=1000)] = 8
    """Cells of the supernet (of each stage, in NAS-Bench-201)."""

    stem: Stem | None = None
    """"cifar" keeps the resolution, "imagenet" divides it by 8 before the first cell; null: "imagenet" for images of at
    least 96 pixels a side."""

    weight_lr: NonNegative = 0.025
    """Learning rate of the weights at the start; a cosine takes it to `weight_lr_min`."""

    weight_lr_min: NonNegative = 0.001
    """Learning rate of the weights at the end; they end at 0 where they would begin no higher than this."""

    alpha_lr_factor: Annotated[float, Field(gt=0)] | None = None
    """Multiplies the learning rate that the method chose for alpha. null: Adam's rate rises as the steps of alpha fall
    below those of the paper, so that a short search can leave the uniform start too, but not above 0.012; a rate that
    you give by `method.options.alpha_lr` stays as it is, as do rates of other kinds."""

    start_at: dict[str, Any] | None = None
    """Architecture of the space that alpha leans towards at the start, so that what is known is not searched again: in
    any of the forms that `dartboard train` takes, such as a published name. Every stage that begins with new alphas
    begins there. null: no operation is preferred."""

    start_lead: Annotated[float, Field(gt=0)] = 2.0
    """With `start_at`, what its operations, and its edges where these have weights, lead by in alpha. With 2 a softmax
    gives half of the whole to one of the 8 operations of DARTS, and 65% to one of 5; the other half keeps all others
    learning."""

    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the epochs in which the weights learn alone, before the method's own rules."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Momentum of the weights."""

    weight_decay: NonNegative = 3e-4
    """L2 factor of the weights."""

    grad_clip: Annotated[float, Field(gt=0)] | None = 5.0
    """Largest norm of the weights' gradient; null: no clipping."""

    validation_images: Positive | None = 2_000
    """Images of the other half on which the supernet is scored after every epoch; null: all. A search on one level
    learns from both halves: it is scored on as many of the images held out for validation, and where there are none, on
    at most 2,000 and 4% of the images, which it then does not learn from."""

    decision_images: Positive | Literal["all", "adaptive"] = "all"
    """Images of the other half behind every decision by perturbation: a number, "all" of them, or "adaptive": 2,000 for
    all candidates, and twice as many again and again for the best two until they differ by two standard errors. A
    result of fewer than 2,000 is flagged as coarse. Under a budget "adaptive" is chosen."""

    curvature_every: Positive | None = None
    """Epochs from one measurement of the alpha Hessian to the next: its largest eigenvalue, which rises before a search
    collapses, and its trace, at the deterministic gates of any method but `enas`, whose gates have no derivatives. It
    costs about 40 steps. Methods that go by it keep their own intervals; null: only these measure."""

    watch: tuple[str, ...] = ()
    """What is measured while the search goes on (`dartboard watches` lists it), as a list or as a text such as
    "discretisation-gap,gradient-correlation:kernel=true". The search itself stays the same, bit for bit."""

    watch_share: Annotated[float, Field(gt=0)] = 0.25
    """The most time that all watches may take together, as a share of the time of the epochs; each gets an equal part
    and skips epochs to stay within it. The first measurement of every watch is made in any case."""

    guard: Literal["off", "warn", "stop", "fallback"] = "warn"
    """What is done about a search that collapses, by written rules on its records: "warn" says so, "stop" ends it and
    takes the architecture of the last good epoch, "fallback" goes on from there with RobustDARTS; "off" does not
    look."""

    snapshots: Annotated[int, Field(ge=0)] = 0
    """How many snapshots of the supernet are kept along the search, at equal distances and the last one at its end:
    checkpoints for `dartboard analyse RUN --what trajectory`. 0: none but the checkpoint at the end."""

    pool_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the method's architectures that a search without a supernet evaluates; a budget lowers it where each
    training would be too short."""

    evaluate: Literal["training", "table"] = "training"
    """How a method that trains no supernet evaluates architectures: by "training" them, or by the "table" of 12 epochs
    of NAS-Bench-201 on CIFAR-10, which costs nothing and is the same whatever the data are."""

    cuda_graph: bool = False
    """Record the step of every epoch once as a CUDA graph and repeat it from there: a step has thousands of small
    operations, and most of its time on a GPU goes into launching them. Methods that draw what a step runs launch it as
    ever. Needs a CUDA device."""

    augment: AugmentSettings = AugmentSettings()
    """Augmentation of both halves."""

    @field_validator("watch", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """The names in a text."""
        return names_in(value) if isinstance(value, str) else value
