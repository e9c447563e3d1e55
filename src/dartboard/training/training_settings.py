"""Settings of training a discrete network from scratch; the defaults are the DARTS paper's CIFAR recipe."""

from typing import Annotated, Literal

from pydantic import Field

from dartboard.config import Settings
from dartboard.data import AugmentSettings
from dartboard.space import Stem
from dartboard.training.imbalance import Imbalance

__all__ = ["TrainSettings"]

Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class TrainSettings(Settings):
    """How a genotype becomes a trained network (arXiv:1806.09055, section A.2)."""

    runs: Positive = 1
    """Networks trained from different seeds; mean and deviation are reported, the first one is kept."""

    epochs: Positive | None = 600
    """Passes over the training images; null: as many as `images` allows, 8 to 60."""

    steps_per_epoch: Positive | None = None
    """Steps of an epoch, each epoch seeing other images; null: a pass over the training images."""

    keep: Literal["last", "best"] = "last"
    """Whose weights are tested and saved: of the last epoch, or of that in the last fifth with the highest validation
    accuracy, which then flatters them."""

    images: Positive = 360_000
    """When `epochs` is null: images of 32x32 pixels that may be shown, or as many others as cost the same."""

    batch_size: Positive = 96
    """Images per step."""

    init_channels: Positive = 36
    """Width of the first cells."""

    layers: Positive = 20
    """Cells (of each stage, in NAS-Bench-201)."""

    stem: Stem | None = None
    """"cifar" keeps the resolution, "imagenet" divides it by 8 before the first cell; null: "imagenet" for images of at
    least 96 pixels a side."""

    lr: Annotated[float, Field(gt=0)] = 0.025
    """Largest learning rate."""

    lr_min: NonNegative = 0.0
    """Learning rate at the end."""

    schedule: Literal["cosine", "linear", "one-cycle"] = "cosine"
    """"cosine" falls once an epoch from `lr` to `lr_min`; "linear" likewise, after it has risen for `warmup_fraction`
    of the epochs, and in as many in the end it goes the last stretch slowly; "one-cycle" rises linearly for
    `warmup_fraction` of all steps from a tenth of `lr` and falls as a cosine, at every step."""

    warmup_fraction: Fraction = 0.2
    """Share of the steps in which "one-cycle" rises, and of the epochs in which "linear" does."""

    momentum: Fraction = 0.9
    """Momentum of SGD."""

    nesterov: bool = False
    """Whether SGD looks ahead."""

    weight_decay: NonNegative = 3e-4
    """L2 factor of the weights."""

    decay_norms: bool = True
    """Whether weight decay acts on scales and shifts of batch norms as well."""

    grad_clip: Annotated[float, Field(gt=0)] | None = 5.0
    """Largest norm of the gradient; null: no clipping."""

    label_smoothing: Fraction = 0.0
    """Share of the target spread over all classes."""

    drop_path: Fraction = 0.2
    """Drop-path probability at the end; it grows linearly from 0."""

    auxiliary_weight: NonNegative = 0.4
    """Weight of the auxiliary head's loss; 0: no such head."""

    imbalance: Imbalance = "none"
    """For classes of unequal size: "balanced-sampling" draws every class equally often, with repetitions, and as many
    images an epoch as without; "logit-adjustment" adds the log prior of the classes to the logits in the training loss
    (arXiv:2007.07314). Both favour rare classes at the expense of common ones."""

    compile: bool = False
    """Whether to compile the network with torch.compile before training: some minutes once, then steps that are
    faster on some machines, so that trainings of hours may gain; on a CPU it needs a C++ compiler."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the features and gradients in the steps; weights, their updates and the test are always float32. "bfloat16"
    (torch.autocast) is faster where the processor computes with it, and slower elsewhere."""

    augment: AugmentSettings = AugmentSettings(cutout=16)
    """Augmentation of the training images."""
