"""Settings of reading a dataset and of augmenting its training images."""

from typing import Literal

from pydantic import Field, field_validator

from dartboard.config import Settings

__all__ = ["AugmentSettings", "DataSettings"]


class DataSettings(Settings):
    """How a dataset is read, resized and divided."""

    image_size: int | None = Field(default=None, ge=8, le=1024)
    """Side in pixels of the square that images are resized to; images that all have one other shape become rectangles
    of as many pixels. null keeps the native size when all images share one of at most 128x128 pixels, and means their
    median shorter side otherwise, at most 128."""

    fit: Literal["keep", "crop", "pad", "stretch"] | None = None
    """How images get their common shape: "keep" the shape that they all have, "crop" them about their centres, "pad"
    them with black, or "stretch" them. null: keep where they have one shape, else crop where that loses at most 35 % of
    the average image, else pad."""

    value_range: tuple[float, float] | None = None
    """Values that become 0 and 255, for images that are not of 8 bits: what lies outside is cut off. null: the range
    that the training images use, for each channel; a customary scale, such as 0 to 4095 or 0.0 to 1.0, where they use
    at least half of it."""

    skip_broken: bool = False
    """Leave out files that cannot be read as images, with a note, instead of stopping."""

    validation_fraction: float = Field(default=0.1, ge=0.0, le=0.5)
    """Share of the training images set aside for validation when the source has no validation split; 0 for none."""

    test_fraction: float = Field(default=0.2, ge=0.0, le=0.5)
    """Share of the training images set aside for the test when the source has no test split; 0 for none, which leaves
    the network untested."""

    split_seed: int | None = Field(default=None, ge=0)
    """Seed of the division into training, validation and test images. null: the run's `seed`; all searches of a run
    with `seeds` divide as the run does, so that none of them sees its test images."""

    max_train_images: int | None = Field(default=None, ge=4)
    """Use only this many training images, for trials: drawn from each class, always the same ones. null uses all."""

    image_column: str = "image"
    """Column of a parquet file or manifest that holds the encoded images or the paths of their files. In manifests
    "image" also stands for image_file_name, file_name, filename and path."""

    label_column: str = "label"
    """Column that holds the labels."""

    split_column: str = "split"
    """Column of a manifest that says train, val or test; without it all images are for training."""

    cache: bool = True
    """Keep the decoded images on disk, so that the next run with the same files starts at once."""

    memory_mib: int | None = Field(default=None, ge=0)
    """Size in MiB from which decoded images are not held in memory. A dataset of that size is decoded to files in the
    cache, or to temporary files without `cache`; a part of that size is read from them batch by batch. null: 512 for a
    dataset; for a part 4096, or an eighth of the machine's memory on a CPU where that is less. Results do not depend on
    it."""

    workers: int | None = Field(default=None, ge=0, le=64)
    """Threads that read the next batches from disk while the device is at work, for parts of the dataset that are not
    held in memory (`memory_mib`). null: two, or one on a single core; 0: no threads. Results do not depend on it."""

    @field_validator("value_range")
    @classmethod
    def _ascends(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not value[0] < value[1]:
            raise ValueError("the first value becomes 0 and the second 255, so the first must be less")
        return value


class AugmentSettings(Settings):
    """How training images are varied each time they are drawn; validation and test images never are."""

    flip: bool | Literal["alternating"] | None = None
    """Mirror half of the images left to right. "alternating" mirrors in an epoch of a training the images that the
    epoch before did not mirror (arXiv:2404.00498), and half of them at random in a search. null: on for colour images,
    off for gray ones, which are often characters."""

    crop_padding: int | None = Field(default=None, ge=0, le=128)
    """Pixels of border added on every side before a crop of the original size at a random place. null: one eighth of
    the shorter side, and 1 below a side of 16."""

    border: Literal["black", "reflect"] = "black"
    """What `crop_padding` adds: black, or the image reflected at its edge."""

    min_scale: float | None = Field(default=None, gt=0.0, le=1.0)
    """Below 1: crop a random rectangle of at least this share of the area and resize it to the full image, in place of
    the padded crop. null: 0.35 for images of at least 96 pixels, which are photographs as a rule, and 1 below."""

    cutout: int = Field(default=0, ge=0)
    """Side in pixels of the square that is blanked at a random place (16 in the DARTS papers on 32 pixel images);
    0 for none."""

    color_jitter: float = Field(default=0.0, ge=0.0, le=1.0)
    """How much brightness, contrast and saturation vary: each by a factor between 1 - x and 1 + x (0.4 in the recipes
    for ImageNet)."""

    hue_jitter: float = Field(default=0.0, ge=0.0, le=0.5)
    """How far hues may be turned either way, as a share of the circle (0.1 or 0.2 in the recipes for ImageNet); without
    effect on gray images."""
