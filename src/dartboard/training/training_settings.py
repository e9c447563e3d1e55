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
    """Steps of an epoch, with other images in each epoch; null: a pass over the training images."""

    keep: Literal["last", "best"] = "last"
    """Which weights are tested and saved: those of the last epoch, or those of the epoch with the highest validation
    accuracy in the last fifth, whose validation accuracy is then too high by selection."""

    images: Positive = 360_000
    """When `epochs` is null: how many images of 32x32 pixels may be shown, or images of another size at equal cost."""

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
    """"cosine" falls from `lr` to `lr_min`, once an epoch; "linear" also changes once an epoch: it rises for
    `warmup_fraction` of the epochs, falls in a straight line, and falls slowly in as many epochs at the end;
    "one-cycle" changes at every step: it rises linearly from a tenth of `lr` for `warmup_fraction` of all steps, then
    falls as a cosine."""

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
    (arXiv:2007.07314). Both improve rare classes at the expense of common ones."""

    compile: bool = False
    """Whether to compile the network with torch.compile before training. This takes some minutes once and makes steps
    faster on some machines, so trainings of hours may gain; on a CPU it needs a C++ compiler."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Number format of features and gradients in training steps; weights, their updates and the test always use
    float32. "bfloat16" (torch.autocast) is faster where the processor computes with it, and slower elsewhere."""

    augment: AugmentSettings = AugmentSettings(cutout=16)
    """Augmentation of the training images."""
