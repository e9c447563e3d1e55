"""Colours of training images varied at random, a batch at a time."""

import math

import torch
from torch import Tensor

__all__ = ["draw_colours", "vary_colours"]

_LUMA = (0.299, 0.587, 0.114)
_LARGEST = 255.0
_TURN = ((0.0, -1.0, 1.0), (1.0, 0.0, -1.0), (-1.0, 1.0, 0.0))


def draw_colours(batch: int, color_jitter: float, hue_jitter: float, generator: torch.Generator) -> Tensor:
    """Draw how the colours of each image vary.

    Returns:
        Factors of brightness, contrast and saturation, uniform in 1 - color_jitter .. 1 + color_jitter, and turns of
        the hue, uniform in -hue_jitter .. hue_jitter of the circle; float32, shape (batch, 4), on the CPU.
    """
    reach = torch.tensor([color_jitter, color_jitter, color_jitter, hue_jitter])
    middle = torch.tensor([1.0, 1.0, 1.0, 0.0])
    return middle + reach * (2 * torch.rand(batch, 4, generator=generator) - 1)


def vary_colours(images: Tensor, colours: Tensor) -> Tensor:
    """Change brightness, contrast, saturation and hue of every image.

    All of these are affine in the colour of a pixel: brightness scales it, contrast moves it from the mean grey of the
    image, saturation from its own grey, and the hue is turned about the grey axis. So they are one 3 x 3 matrix and one
    shift for each image. Values are limited to 0..255 once, in the end. Images that have other than three channels have
    no hue; their grey is the mean of the channels.

    Source: `ColorJitter` of torchvision. Differs: that one turns hues in HSV, limits values after each change and draws
    the order of the four.

    Args:
        images: float32 in 0..255, shape (batch, height, width, channels).
        colours: what `draw_colours` gives, shape (batch, 4), on the device of the images.

    Returns:
        float32 in 0..255, of the same shape.
    """
    batch, _, _, channels = images.shape
    pixels = images.reshape(batch, -1, channels)
    coloured = channels == len(_LUMA)
    weights = images.new_tensor(_LUMA if coloured else [1 / channels] * channels)
    brightness, contrast, saturation = (factor[:, None, None] for factor in colours[:, :3].unbind(1))
    own_grey = weights.expand(channels, channels)
    mixing = saturation * torch.eye(channels, device=images.device) + (1 - saturation) * own_grey
    if coloured:
        mixing = _turns(colours[:, 3]) @ mixing
    # Grey stays grey under the other two, so that the shift comes last unchanged.
    mean_grey = (pixels.mean(dim=1) @ weights)[:, None, None]
    varied = torch.baddbmm((1 - contrast) * brightness * mean_grey, pixels, (brightness * contrast * mixing).mT)
    return varied.clamp_(0, _LARGEST).view(images.shape)


def _turns(hues: Tensor) -> Tensor:
    """Rotations of the RGB space about its grey axis, by shares of the circle; shape (batch, 3, 3)."""
    angles = 2 * math.pi * hues[:, None, None]
    eye, turn = torch.eye(3, device=hues.device), hues.new_tensor(_TURN)
    return angles.cos() * eye + (1 - angles.cos()) / 3 + angles.sin() / math.sqrt(3) * turn
