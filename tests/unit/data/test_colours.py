"""Colours of training images: each change against Pillow or its definition, all of them against one another."""

import colorsys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from torch import Tensor

from dartboard.data import Augmentation, AugmentSettings, Normalization
from dartboard.data.colours import draw_colours, vary_colours

IDENTITY = Normalization((0.0,) * 3, (1 / 255,) * 3)
NONE = (1.0, 1.0, 1.0, 0.0)


def images(count: int = 3, channels: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, 6, 7, channels), generator=generator).float()


def varied(pixels: Tensor, *colours: tuple[float, float, float, float]) -> Tensor:
    return vary_colours(pixels.clone(), torch.tensor(colours))


@pytest.mark.parametrize(
    ("place", "enhancer"), [(0, ImageEnhance.Brightness), (1, ImageEnhance.Contrast), (2, ImageEnhance.Color)]
)
@pytest.mark.parametrize("factor", [0.6, 1.0, 1.4])
def test_brightness_contrast_and_saturation_are_those_of_pillow(place: int, enhancer: type, factor: float) -> None:
    pixels = images()
    colours = [*NONE]
    colours[place] = factor
    found = varied(pixels, *[tuple(colours)] * 3)
    for image, changed in zip(pixels, found, strict=True):
        wanted = enhancer(Image.fromarray(image.to(torch.uint8).numpy())).enhance(factor)
        # Pillow rounds its grey and its result to whole numbers.
        np.testing.assert_allclose(changed.numpy(), np.asarray(wanted, dtype=np.float32), atol=1.5)


@pytest.mark.parametrize("turn", [-0.5, -0.1, 0.0, 0.2, 1 / 3])
def test_a_hue_is_turned_and_the_greyness_stays(turn: float) -> None:
    pixels = 100 + images() / 5  # so that nothing is cut off
    found = varied(pixels, *[(1.0, 1.0, 1.0, turn)] * 3)
    torch.testing.assert_close(found.mean(dim=3), pixels.mean(dim=3))
    torch.testing.assert_close(found.std(dim=3), pixels.std(dim=3))
    red = torch.tensor([200.0, 80.0, 80.0]).expand(1, 2, 2, 3)
    hue, _, _ = colorsys.rgb_to_hsv(*varied(red, (1.0, 1.0, 1.0, turn))[0, 0, 0].tolist())
    # The two ways of turning agree at every third of the circle, and are never far apart.
    assert min((hue - turn) % 1, (turn - hue) % 1) < 0.02


@given(st.lists(st.tuples(*[st.floats(0.6, 1.4)] * 3, st.floats(-0.2, 0.2)), min_size=1, max_size=4))
@settings(max_examples=30)
def test_all_at_once_is_one_after_the_other(colours: list[tuple[float, float, float, float]]) -> None:
    """Where no value leaves 0..255 on the way, with the rest of the batch left out."""
    pixels = 90 + images(len(colours)) / 6
    together = varied(pixels, *colours)
    for image, (brightness, contrast, saturation, hue), found in zip(pixels, colours, together, strict=True):
        alone = image[None]
        for step in ((brightness, 1, 1, 0), (1, contrast, 1, 0), (1, 1, saturation, 0), (1, 1, 1, hue)):
            alone = varied(alone, tuple(map(float, step)))
        torch.testing.assert_close(found, alone[0], atol=1e-3, rtol=0)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_nothing_changes_nothing_and_values_stay_in_their_range(channels: int) -> None:
    pixels = images(2, channels)
    torch.testing.assert_close(varied(pixels, NONE, NONE), pixels, atol=1e-4, rtol=0)
    found = varied(pixels, (2.0, 2.0, 2.0, 0.5), (0.0, 0.0, 0.0, -0.5))
    assert 0 <= found.min() <= found.max() <= 255


def test_gray_images_have_brightness_and_contrast_alone() -> None:
    pixels = images(1, 1)
    assert torch.equal(varied(pixels, (1.0, 1.0, 0.2, 0.3)), pixels)
    mean = pixels.mean()
    wanted = (0.9 * (1.2 * pixels) + 0.1 * 1.2 * mean).clamp(0, 255)
    torch.testing.assert_close(varied(pixels, (1.2, 0.9, 1.0, 0.0)), wanted)


def test_factors_are_uniform_about_no_change() -> None:
    drawn = draw_colours(20_000, 0.4, 0.1, torch.Generator().manual_seed(0))
    for column, (low, high) in zip(drawn.T, [(0.6, 1.4)] * 3 + [(-0.1, 0.1)], strict=True):
        assert low <= column.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < column.max() <= high
        # The deviation of the mean is 0.29 / sqrt(20000) of the range: five of them.
        assert abs(column.mean() - (low + high) / 2) < 0.0103 * (high - low)


@pytest.mark.parametrize("others", [{}, {"min_scale": 0.3}, {"cutout": 2, "crop_padding": 1}])
@pytest.mark.parametrize("own", [{"color_jitter": 0.4}, {"hue_jitter": 0.2}])
def test_colours_vary_after_the_crop_and_before_the_blanked_square(
    own: dict[str, float], others: dict[str, float]
) -> None:
    pixels = images(4).to(torch.uint8)
    augmentation = Augmentation(AugmentSettings(**others, **own), IDENTITY, (3, 6, 7))
    draws = augmentation.draw(4, torch.Generator().manual_seed(1))
    assert draws.colours is not None
    cropped = augmentation.apply(pixels, draws._replace(hole=None, colours=None)).permute(0, 2, 3, 1)
    wanted = vary_colours(cropped, draws.colours)
    found = augmentation.apply(pixels, draws).permute(0, 2, 3, 1)
    seen = found != 0
    torch.testing.assert_close(found[seen], wanted[seen], atol=1e-3, rtol=0)
    assert not torch.allclose(found, cropped)


def test_without_them_no_random_number_is_drawn() -> None:
    plain, coloured = (
        Augmentation(AugmentSettings(**own), IDENTITY, (3, 6, 7)).draw(5, torch.Generator().manual_seed(2))
        for own in ({"cutout": 2}, {"cutout": 2, "color_jitter": 0.4})
    )
    assert plain.colours is None
    assert coloured.hole is not None
    assert torch.equal(plain.hole, coloured.hole)
