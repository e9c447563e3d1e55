"""Settings of training a discrete network; the defaults are the DARTS paper's CIFAR recipe."""

from typing import Annotated, Literal

from pydantic import Field

from dartboard.config import Settings
from dartboard.data import AugmentSettings
from dartboard.space import Stem
from dartboard.training.imbalance import Imbalance

__all__ = ["Average", "Start", "TrainSettings"]

Average = Literal["none", "lookahead", "ema"]
Start = Literal["fresh", "supernet"]

Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class TrainSettings(Settings):
    """How a genotype becomes a trained network (arXiv:1806.09055, section A.2)."""

    runs: Positive = 1
    """Number of networks trained from different seeds; mean and deviation are reported, the first network is kept."""

    epochs: Positive | None = 600
    """Passes over the training images; null: as many as `images` allows, but 8 to 60."""

    steps_per_epoch: Positive | None = None
    """Steps of an epoch, with different images in each epoch; null: one pass over the training images."""

    keep: Literal["last", "best"] = "last"
    """Which weights are tested and saved. "last": those of the last epoch. "best": those of the epoch with the highest
    validation accuracy in the last fifth of the epochs; this validation accuracy is then too high, since it was
    selected."""

    hold_out: bool = True
    """Whether the validation images are left out of the training. Without it the training learns from them as well, and
    nothing is scored until the test; a validation set that the dataset brings is always left out."""

    images: Positive = 360_000
    """If `epochs` is null: number of images of 32x32 pixels that all epochs together may show; images of another size
    count by their cost."""

    batch_size: Positive = 96
    """Number of images per step."""

    init_channels: Positive = 36
    """Width of the first cells."""

    layers: Annotated[int, Field(gt=0, le=1000)] = 20
    """Number of cells (in NAS-Bench-201: of each stage)."""

    stem: Stem | None = None
    """"cifar" keeps the resolution, "imagenet" divides it by 8 before the first cell; null: "imagenet" for images of at
    least 96 pixels a side."""

    lr: Annotated[float, Field(gt=0)] = 0.025
    """Largest learning rate."""

    lr_min: NonNegative = 0.0
    """Learning rate at the end."""

    optimizer: Literal["sgd", "muon"] = "sgd"
    """What moves the kernels of dense convolutions: "sgd" like all other weights, or "muon" (K. Jordan 2024), which
    makes updates orthogonal and keeps the norm of every kernel at the root of its output channels."""

    muon_lr: Annotated[float, Field(gt=0)] = 0.24
    """Largest learning rate of "muon"; it rises and falls with `lr`."""

    muon_momentum: Fraction = 0.6
    """Momentum of "muon"."""

    schedule: Literal["cosine", "linear", "one-cycle", "triangle"] = "cosine"
    """"cosine" falls from `lr` to `lr_min`, once an epoch; "linear" also changes once an epoch: it rises for
    `warmup_fraction` of the epochs, then falls in a straight line, and falls slowly in the last `warmup_fraction` of
    the epochs; "one-cycle" changes at every step: it rises linearly from a tenth of `lr` for `warmup_fraction` of all
    steps, then falls as a cosine; "triangle" rises likewise from a fifth of `lr`, then falls in a straight line."""

    warmup_fraction: Fraction = 0.2
    """Share of the steps in which "one-cycle" and "triangle" rise, and of the epochs in which "linear" rises."""

    momentum: Fraction = 0.9
    """Momentum of SGD."""

    nesterov: bool = False
    """Whether SGD uses Nesterov momentum."""

    weight_decay: NonNegative = 3e-4
    """L2 factor of the weights."""

    decoupled_decay: bool = False
    """Whether weights shrink by the rate times `weight_decay` in every step (arXiv:1711.05101), in place of an L2 term
    in the gradient, which momentum multiplies."""

    decay_norms: bool = True
    """Whether weight decay also acts on the scales and shifts of batch norms."""

    norm_shift_rate: Annotated[float, Field(gt=0)] = 1.0
    """Factor of the learning rate for the shifts of batch norms."""

    norm_scale: Literal["learned", "fixed"] = "learned"
    """Whether batch norms learn their scales; "fixed" leaves them at 1."""

    norm_momentum: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of a batch in the running statistics of batch norms."""

    whiten: bool = False
    """Whether images first pass fixed 2x2 filters that make the pixels of a patch uncorrelated over the training
    images (arXiv:2404.00498)."""

    identity_start: bool = False
    """Whether the first outputs of every dense convolution begin as its inputs (arXiv:2404.00498)."""

    start: Start = "fresh"
    """What the training begins with: "fresh" draws all weights; "supernet" copies those that the search has learned for
    the operations that it chose, which needs a network as wide and as deep as the supernet, with the same stem. A lower
    `lr` may then be better. Baselines, finalists and other contestants always begin with drawn weights."""

    shrink: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor of the weights that are copied from the supernet; below 1, a hundredth of newly drawn weights is added
    (arXiv:1910.08475, where 0.6 makes up for what a start from learned weights costs)."""

    average: Average = "none"
    """Whether weights are averaged over steps, more and more to the end: with "lookahead" the training goes on from the
    average, with "ema" the average is only what is scored and kept."""

    progressive_resizing: bool = False
    """Whether the training begins with images of 5/8 and then 3/4 of their side. Their steps take less time, so there
    are more of them in an epoch: every epoch does the work of the steps that it would have with whole images."""

    views: Literal["one", "mirrored"] = "one"
    """How images are classified: as they are, or by the mean of the logits of each image and its mirror image. This
    holds for validation, test, predictions and exported files alike, and takes twice the time."""

    grad_clip: Annotated[float, Field(gt=0)] | None = 5.0
    """Largest norm of the gradient; null: no clipping."""

    label_smoothing: Fraction = 0.0
    """Share of the target probability that is spread evenly over all classes."""

    drop_path: Fraction = 0.2
    """Drop-path probability at the end of the training; it grows linearly from 0."""

    auxiliary_weight: NonNegative = 0.4
    """Weight of the auxiliary head's loss; 0: no such head."""

    imbalance: Imbalance = "none"
    """For classes of unequal size: "balanced-sampling" draws every class equally often, with repetitions; the number of
    images per epoch stays the same; "logit-adjustment" adds the log prior of the classes to the logits in the training
    loss (arXiv:2007.07314). Both improve rare classes at the expense of common ones."""

    compile: bool = False
    """Whether to compile the network with torch.compile before training. The compilation takes some minutes once and
    makes steps faster on some machines, so it may pay off for trainings of hours. On a CPU it needs a C++ compiler."""

    precision: Literal["float32", "bfloat16"] = "float32"
    """Number format of features and gradients in training steps; weights, their updates and the test always use
    float32. "bfloat16" (torch.autocast) is faster where the processor computes with it, and slower elsewhere."""

    augment: AugmentSettings = AugmentSettings(cutout=16)
    """Augmentation of the training images."""
