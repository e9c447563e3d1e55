"""Training images varied and normalised, a batch at a time, on the device where they lie."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dartboard.data.colours import draw_colours, vary_colours
from dartboard.data.data_settings import AugmentSettings
from dartboard.data.splits import ImageView
from dartboard.devices.sending import send
from dartboard.errors import DataError, SettingsError

__all__ = [
    "PHOTOGRAPH_SIDE",
    "Augmentation",
    "Draws",
    "Normalization",
    "measure_normalization",
    "outside_squares",
    "resolve_augmentation",
]

PHOTOGRAPH_SIDE = 96
"""Images whose shorter side has at least this many pixels count as photographs."""

_PHOTOGRAPH_SCALE = 0.35
_STD_FLOOR = 1e-6
_VALUES_PER_CHUNK = 2**22
_ASPECTS = (3 / 4, 4 / 3)


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation of each channel, of pixels in 0..1; each of length channels."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def measure_normalization(view: ImageView) -> Normalization:
    """Mean and population standard deviation per channel over all pixels of the given (training) images.

    Sums are integers and therefore exact; images are read in chunks, so mapped files need not fit into memory. A
    standard deviation below 1e-6 (all images are the same) is replaced by 1e-6.

    Raises:
        DataError: there are no images.
    """
    if not len(view):
        raise DataError("mean and standard deviation need at least one image; the given part is empty.")
    height, width, channels = view.image_set.images.shape[1:]
    per_chunk = max(1, _VALUES_PER_CHUNK // (height * width * channels))
    sums = np.zeros(channels, dtype=np.int64)
    squares = np.zeros(channels, dtype=np.int64)
    for start in range(0, len(view), per_chunk):
        chunk = view.image_set.read(view.indices[start : start + per_chunk]).astype(np.uint32)
        sums += chunk.sum(axis=0, dtype=np.int64).reshape(-1, channels).sum(axis=0)
        squares += np.square(chunk, out=chunk).sum(axis=0, dtype=np.int64).reshape(-1, channels).sum(axis=0)
    count = len(view) * height * width
    mean = sums / count
    # E[x^2] - E[x]^2 cancels badly in floating point when the images are nearly constant, not so in integers.
    scaled = [count * int(square) - int(total) ** 2 for square, total in zip(squares, sums, strict=True)]
    std = np.sqrt(np.array(scaled, dtype=np.float64)) / count / 255
    return Normalization(tuple((mean / 255).tolist()), tuple(np.maximum(std, _STD_FLOOR).tolist()))


def resolve_augmentation(settings: AugmentSettings, image_shape: tuple[int, int, int]) -> AugmentSettings:
    """The settings with every None replaced by what it means for images of `image_shape` (channels, height, width).

    Raises:
        SettingsError: a padded crop is asked for together with the random resized crop that replaces it.
    """
    channels, side = image_shape[0], min(image_shape[1:])
    padding, scale = settings.crop_padding, settings.min_scale
    if scale is None:
        scale = _PHOTOGRAPH_SCALE if side >= PHOTOGRAPH_SIDE and not padding else 1.0
    if scale < 1 and padding:
        raise SettingsError(
            f"crop_padding={padding} would have no effect beside min_scale={scale}, whose crop replaces the padded "
            "one; give only one of them."
        )
    if padding is None:
        padding = 0 if scale < 1 else max(1, (side + 4) // 8 if side >= 16 else 1)
    flip = channels > 1 if settings.flip is None else settings.flip
    return settings.model_copy(update={"flip": flip, "crop_padding": padding, "min_scale": scale})


class Draws(NamedTuple):
    """The random decisions about one batch.

    Attributes:
        top: int64, shape (batch,), first row of the crop in the padded image.
        left: int64, shape (batch,), its first column.
        mirrored: bool, shape (batch,), whether left and right change places after the crop.
        box: float32, shape (batch, 4), or None without random resized crop: centre x, centre y, width and height of
            the crop as fractions of the image.
        hole: int64, shape (batch, 2), or None without cutout: row and column of the centre of the blank square.
        colours: float32, shape (batch, 4), what `draw_colours` gives; None where colours stay as they are.
    """

    top: Tensor
    left: Tensor
    mirrored: Tensor
    box: Tensor | None
    hole: Tensor | None
    colours: Tensor | None

    def to(self, device: torch.device) -> "Draws":
        """The same decisions on `device`, without waiting for what it is doing."""
        moved = [None if part is None else send(part, device) for part in self]
        return Draws(*moved)  # type: ignore[arg-type]


class Augmentation:
    """Turns uint8 images into the networks' input, varied for training or plain.

    Random numbers are drawn on the CPU and moved, so one seed gives the same crops on every device.

    Args:
        settings: what to vary; None values are resolved for the image shape.
        normalization: applied last, except for cutout, which blanks normalised pixels to 0, the mean colour.
        image_shape: (channels, height, width).

    Attributes:
        settings: the resolved settings, without None.

    Raises:
        SettingsError: the settings contradict each other.
    """

    def __init__(
        self, settings: AugmentSettings, normalization: Normalization, image_shape: tuple[int, int, int]
    ) -> None:
        self.settings = resolve_augmentation(settings, image_shape)
        self.normalization = normalization
        self.image_shape = image_shape
        self._padding = self.settings.crop_padding or 0
        self._min_scale = self.settings.min_scale or 1.0
        width = image_shape[2]
        mean, std = torch.tensor(normalization.mean), torch.tensor(normalization.std)
        # One scale and shift per value of an image row: inner loops of length width * channels instead of channels.
        self._scale = (1 / (255 * std)).repeat(width)
        self._shift = (-mean / std).repeat(width)

    def train(self, images: Tensor, generator: torch.Generator, mirrored: Tensor | None = None) -> Tensor:
        """Varied and normalised images.

        Args:
            images: uint8, shape (batch, height, width, channels).
            generator: a CPU generator, moved on by the same amount for every batch of that size.
            mirrored: bool, shape (batch,), on the CPU: which images are mirrored; None draws them.

        Returns:
            float32, shape (batch, channels, height, width), channels last in memory, on the device of `images`.
        """
        draws = self.draw(len(images), generator)
        return self.apply(images, draws if mirrored is None else draws._replace(mirrored=mirrored))

    def plain(self, images: Tensor) -> Tensor:
        """Normalised images, not varied: uint8 (batch, height, width, channels) -> float32 (batch, channels, ...)."""
        return self._normalize(images.to(torch.float32)).permute(0, 3, 1, 2)

    def draw(self, batch: int, generator: torch.Generator) -> Draws:
        """The random decisions for a batch of that size, on the CPU."""
        _, height, width = self.image_shape
        shifts = torch.randint(2 * self._padding + 1, (2, batch), generator=generator)
        mirrored = torch.rand(batch, generator=generator) < (0.5 if self.settings.flip else 0.0)
        box = self._draw_box(batch, generator) if self._min_scale < 1 else None
        hole = None
        if self.settings.cutout:
            rows = torch.randint(height, (batch,), generator=generator)
            hole = torch.stack([rows, torch.randint(width, (batch,), generator=generator)], dim=1)
        jitter = self.settings.color_jitter, self.settings.hue_jitter
        colours = draw_colours(batch, *jitter, generator) if any(jitter) else None
        return Draws(shifts[0], shifts[1], mirrored, box, hole, colours)

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """Carry out `draws` on uint8 images (batch, height, width, channels); returns what `train` returns."""
        draws = draws.to(images.device)
        if draws.box is not None:
            varied = _resized_crop(images, draws.box, draws.mirrored)
        else:
            varied = self._crop(images, draws).to(torch.float32)
        if draws.colours is not None:
            varied = vary_colours(varied, draws.colours)
        varied = self._normalize(varied)
        if draws.hole is not None:
            varied.mul_(outside_squares(draws.hole, self.settings.cutout, varied.shape[1], varied.shape[2]))
        return varied.permute(0, 3, 1, 2)

    def _draw_box(self, batch: int, generator: torch.Generator) -> Tensor:
        """Crops whose share of the area is uniform in [min_scale, 1] and whose aspect is log-uniform in 3/4..4/3.

        The aspect is relative to that of the image and, for large crops, limited to what fits into it.
        """
        area = self._min_scale + (1 - self._min_scale) * torch.rand(batch, generator=generator)
        low, high = area.clamp(min=_ASPECTS[0]).log(), (1 / area).clamp(max=_ASPECTS[1]).log()
        aspect = (low + (high - low) * torch.rand(batch, generator=generator)).exp()
        size = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], dim=1).clamp(max=1.0)
        centre = size / 2 + (1 - size) * torch.rand(batch, 2, generator=generator)
        return torch.cat([centre, size], dim=1)

    def _crop(self, images: Tensor, draws: Draws) -> Tensor:
        """Crop at the drawn places of images padded with black, then mirror; uint8, shapes unchanged."""
        _, height, width = self.image_shape
        cropped = images
        if self._padding:
            padded = self._pad(images)
            # Every crop at every place as a view without a copy: (batch, top, left, height, width, channels).
            crops = padded.unfold(1, height, 1).unfold(2, width, 1).permute(0, 1, 2, 4, 5, 3)
            cropped = crops[torch.arange(len(images), device=images.device), draws.top, draws.left]
        if self.settings.flip:
            cropped = torch.where(draws.mirrored[:, None, None, None], cropped.flip(2), cropped)
        return cropped

    def _pad(self, images: Tensor) -> Tensor:
        if self.settings.border == "black":
            return functional.pad(images, (0, 0, *(4 * [self._padding])))
        batch, height, width, channels = images.shape
        border, inside = self._padding, slice(self._padding, self._padding + height)
        padded = images.new_empty(batch, height + 2 * border, width + 2 * border, channels)
        padded[:, inside, border : border + width] = images
        # Few copies of whole columns and rows take a fraction of the time of an index for every pixel.
        for place, source in _reflected(width, border):
            padded[:, inside, place] = images[:, :, source]
        for place, source in _reflected(height, border):
            padded[:, place] = padded[:, border + source]
        return padded

    def _normalize(self, images: Tensor) -> Tensor:
        """Scale and shift float32 images of shape (batch, height, width, channels), in place."""
        rows = images.reshape(-1, self._scale.numel())
        scale, shift = (send(row, images.device) for row in (self._scale, self._shift))
        # Two operations, not a fused one, so that every device rounds alike.
        rows.mul_(scale).add_(shift)
        return rows.view(images.shape)


def _reflected(length: int, padding: int) -> list[tuple[int, int]]:
    """Where the pixels of both borders of a row come from: place in the padded row, and place in the row itself.

    The row is reflected at its ends, without repeating the last pixel.
    """
    places = [*range(padding), *range(padding + length, 2 * padding + length)]
    there = (abs(place - padding) % max(1, 2 * length - 2) for place in places)
    return [(place, min(source, 2 * length - 2 - source)) for place, source in zip(places, there, strict=True)]


def _resized_crop(images: Tensor, box: Tensor, mirrored: Tensor) -> Tensor:
    """Cut out boxes and stretch them to the full size, bilinearly; float32, shape as `images`."""
    batch, height, width, _ = images.shape
    direction = torch.where(mirrored, -1.0, 1.0)
    transform = torch.zeros(batch, 2, 3, device=images.device)
    # In the coordinates of grid_sample the image spans -1..1.
    transform[:, 0, 0] = box[:, 2] * direction
    transform[:, 1, 1] = box[:, 3]
    transform[:, :, 2] = 2 * box[:, :2] - 1
    grid = functional.affine_grid(transform, [batch, 1, height, width], align_corners=False)
    channels_first = images.permute(0, 3, 1, 2).to(torch.float32)
    sampled = functional.grid_sample(channels_first, grid, padding_mode="border", align_corners=False)
    return sampled.permute(0, 2, 3, 1).contiguous()


def outside_squares(centres: Tensor, side: int, height: int, width: int) -> Tensor:
    """False within the square about each centre, clipped at the border; shape (batch, height, width, 1).

    Args:
        centres: row and column of each square's centre, int64, shape (batch, 2); they may lie outside of the image.
        side: side of the squares, in pixels.
        height: height of the images, in pixels.
        width: width of the images, in pixels.
    """
    inside = []
    for axis, length in enumerate((height, width)):
        first = centres[:, axis : axis + 1] - side // 2
        places = torch.arange(length, device=centres.device)
        inside.append((places >= first) & (places < first + side))
    return ~(inside[0][:, :, None] & inside[1][:, None, :])[..., None]
