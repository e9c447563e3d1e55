import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dartboard.data import (
    Augmentation,
    AugmentSettings,
    Draws,
    ImageSet,
    ImageView,
    Normalization,
    measure_normalization,
    resolve_augmentation,
)
from dartboard.errors import DataError, SettingsError

IDENTITY = Normalization((0.0,) * 3, (1 / 255,) * 3)


@pytest.mark.parametrize("padding", [1, 2, 5])
@pytest.mark.parametrize("side", [1, 2, 3, 8])
def test_a_reflected_border_is_that_of_numpy(side: int, padding: int) -> None:
    """A border wider than the image goes on from one end to the other; an image of one pixel is repeated."""
    settings = AugmentSettings(crop_padding=padding, border="reflect", flip=False)
    augmentation = Augmentation(settings, IDENTITY, (3, side, side + 1))
    images = random_images(4, side, side + 1)
    borders = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    assert np.array_equal(augmentation._pad(images).numpy(), np.pad(images.numpy(), borders, mode="reflect"))


def test_alternating_images_are_mirrored_by_what_is_handed_in() -> None:
    augmentation = Augmentation(AugmentSettings(crop_padding=0, flip="alternating"), IDENTITY, (3, 8, 8))
    images = random_images(4)
    sides = torch.tensor([True, False, True, False])
    even = augmentation.train(images, generator(), sides)
    odd = augmentation.train(images, generator(), ~sides)
    plain = augmentation.plain(images)
    assert torch.equal(even, torch.where(sides[:, None, None, None], plain.flip(3), plain))
    assert torch.equal(odd, even.flip(3))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_images(batch: int, height: int = 8, width: int = 8, channels: int = 3) -> Tensor:
    return torch.randint(256, (batch, height, width, channels), dtype=torch.uint8, generator=generator(9))


def one_by_one(images: Tensor, augmentation: Augmentation, draws: Draws) -> np.ndarray:
    """What the paper-and-pencil definition says, pixel by pixel; float32, shape (batch, channels, height, width)."""
    batch, height, width, channels = images.shape
    padding, cutout = augmentation.settings.crop_padding, augmentation.settings.cutout
    mean = np.array(augmentation.normalization.mean, dtype=np.float32)
    std = np.array(augmentation.normalization.std, dtype=np.float32)
    scale, shift = np.float32(1) / (np.float32(255) * std), -mean / std
    result = np.zeros((batch, channels, height, width), dtype=np.float32)
    for image in range(batch):
        for row in range(height):
            for column in range(width):
                source_row = row + int(draws.top[image]) - padding
                across = width - 1 - column if draws.mirrored[image] else column
                source_column = across + int(draws.left[image]) - padding
                value = np.zeros(channels, dtype=np.float32)
                if 0 <= source_row < height and 0 <= source_column < width:
                    value = images[image, source_row, source_column].numpy().astype(np.float32)
                value = value * scale + shift
                if cutout:
                    top, left = (int(centre) - cutout // 2 for centre in draws.hole[image])
                    if top <= row < top + cutout and left <= column < left + cutout:
                        value = value * 0
                result[image, :, row, column] = value
    return result


@given(
    height=st.integers(3, 9),
    width=st.integers(3, 9),
    channels=st.sampled_from([1, 3]),
    padding=st.integers(0, 4),
    flip=st.booleans(),
    cutout=st.integers(0, 6),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40)
def test_batched_augmentation_equals_the_pixel_by_pixel_one(
    height, width, channels, padding, flip, cutout, seed
) -> None:
    chosen = AugmentSettings(flip=flip, crop_padding=padding, cutout=cutout)
    normalization = Normalization((0.4913, 0.4821, 0.4465)[:channels], (0.247, 0.2435, 0.2616)[:channels])
    augmentation = Augmentation(chosen, normalization, (channels, height, width))
    images = random_images(4, height, width, channels)
    draws = augmentation.draw(4, generator(seed))
    expected = one_by_one(images, augmentation, draws)
    np.testing.assert_array_equal(augmentation.apply(images, draws).numpy(), expected)
    np.testing.assert_array_equal(augmentation.train(images, generator(seed)).numpy(), expected)


def test_plain_images_are_standardised_and_not_varied() -> None:
    images = random_images(5, 8, 6)
    normalization = Normalization((0.5, 0.4, 0.3), (0.25, 0.2, 0.1))
    augmentation = Augmentation(AugmentSettings(cutout=4), normalization, (3, 8, 6))
    mean, std = np.array(normalization.mean), np.array(normalization.std)
    expected = ((images.numpy() / 255 - mean) / std).transpose(0, 3, 1, 2)
    # float32 against float64, on values up to 7.
    np.testing.assert_allclose(augmentation.plain(images).numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("chosen", [{}, {"cutout": 4}, {"min_scale": 0.3}, {"crop_padding": 0, "flip": False}])
def test_batches_are_float32_channels_last_and_the_input_is_left_alone(chosen) -> None:
    images = random_images(6, 16, 16)
    before = images.clone()
    augmentation = Augmentation(AugmentSettings(**chosen), IDENTITY, (3, 16, 16))
    for result in (augmentation.train(images, generator()), augmentation.plain(images)):
        assert result.dtype == torch.float32
        assert result.shape == (6, 3, 16, 16)
        assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, before)


def test_every_shift_and_mirroring_occurs_equally_often() -> None:
    augmentation = Augmentation(AugmentSettings(crop_padding=2), IDENTITY, (3, 16, 16))
    draws = augmentation.draw(25000, generator())
    cells = torch.bincount(draws.top * 5 + draws.left, minlength=25).float()
    # 1000 expected in each of 25 cells, standard deviation 31: five of them.
    assert (cells - 1000).abs().max() < 155
    assert abs(draws.mirrored.float().mean() - 0.5) < 0.02


def test_switching_the_flip_off_does_not_change_the_crops() -> None:
    drawn = [
        Augmentation(AugmentSettings(flip=flip), IDENTITY, (3, 32, 32)).draw(20, generator()) for flip in (True, False)
    ]
    assert torch.equal(drawn[0].top, drawn[1].top)
    assert drawn[0].mirrored.any()
    assert not drawn[1].mirrored.any()


def test_cutout_of_16_blanks_16_by_16_away_from_the_border_and_a_quarter_in_the_corner() -> None:
    augmentation = Augmentation(AugmentSettings(cutout=16, crop_padding=0), IDENTITY, (3, 32, 32))
    draws = augmentation.draw(2, generator())._replace(hole=torch.tensor([[16, 16], [0, 0]]))
    result = augmentation.apply(torch.full((2, 32, 32, 3), 7, dtype=torch.uint8), draws)
    blank = result == 0
    assert blank.sum(dim=(2, 3)).tolist() == [[256] * 3, [64] * 3]
    assert blank[0, :, 8:24, 8:24].all()
    assert blank[1, :, :8, :8].all()


def test_a_full_box_gives_the_image_back_and_a_mirrored_one_its_mirror_image() -> None:
    images = random_images(2, 8, 12)
    augmentation = Augmentation(AugmentSettings(min_scale=0.5), IDENTITY, (3, 8, 12))
    draws = augmentation.draw(2, generator())._replace(
        box=torch.tensor([[0.5, 0.5, 1.0, 1.0]] * 2), mirrored=torch.tensor([False, True])
    )
    result = augmentation.apply(images, draws)
    # Rounding of the sampling places, times steps of up to 255 between pixels.
    torch.testing.assert_close(result[0], images[0].permute(2, 0, 1).float(), atol=1e-3, rtol=0)
    torch.testing.assert_close(result[1], images[1].flip(1).permute(2, 0, 1).float(), atol=1e-3, rtol=0)


def test_a_box_shows_its_part_of_the_image() -> None:
    ramp = torch.arange(64, dtype=torch.uint8).expand(1, 64, 64)[..., None].repeat(1, 1, 1, 3)
    augmentation = Augmentation(AugmentSettings(min_scale=0.2), IDENTITY, (3, 64, 64))
    draws = augmentation.draw(1, generator())._replace(
        box=torch.tensor([[0.5, 0.5, 0.5, 0.25]]), mirrored=torch.tensor([False])
    )
    result = augmentation.apply(ramp, draws)[0, 0, 0]
    # Columns 16 to 48, each shown twice: the first output pixel centre lies at 16.25, the value there is 15.75.
    torch.testing.assert_close(result, torch.arange(64) / 2 + 15.75, atol=1e-3, rtol=0)


@pytest.mark.parametrize("min_scale", [0.2, 0.9])
def test_boxes_lie_in_the_image_with_uniform_area_and_bounded_aspect(min_scale) -> None:
    augmentation = Augmentation(AugmentSettings(min_scale=min_scale), IDENTITY, (3, 32, 32))
    centre, size = augmentation.draw(20000, generator()).box.split(2, dim=1)
    assert (centre - size / 2).min() > -1e-6
    assert (centre + size / 2).max() < 1 + 1e-6
    area, aspect = size.prod(dim=1), size[:, 0] / size[:, 1]
    assert area.min() > min_scale - 1e-5
    # BaselineNetwork error of the mean of 20000 uniform values: 0.002 of their range; five of them.
    assert abs(area.mean() - (1 + min_scale) / 2) < 0.01 * (1 - min_scale)
    assert 3 / 4 - 1e-5 < aspect.min() < aspect.max() < 4 / 3 + 1e-5
    assert abs(aspect.log().mean()) < 0.01


@pytest.mark.parametrize(
    ("shape", "chosen", "flip", "padding"),
    [
        ((3, 32, 32), {}, True, 4),
        ((1, 8, 8), {}, False, 1),
        ((1, 28, 28), {}, False, 4),
        ((3, 15, 64), {}, True, 1),
        ((3, 64, 64), {}, True, 8),
        ((3, 32, 32), {"min_scale": 0.5}, True, 0),
        ((3, 128, 96), {}, True, 0),
        ((3, 128, 95), {}, True, 12),
        ((3, 128, 128), {"crop_padding": 4}, True, 4),
        ((3, 32, 32), {"flip": False, "crop_padding": 0}, False, 0),
        ((1, 32, 32), {"flip": True, "crop_padding": 2}, True, 2),
    ],
)
def test_settings_left_open_are_resolved_by_the_image_shape(shape, chosen, flip, padding) -> None:
    resolved = resolve_augmentation(AugmentSettings(**chosen), shape)
    assert (resolved.flip, resolved.crop_padding) == (flip, padding)
    assert resolve_augmentation(resolved, shape) == resolved
    assert (resolved.min_scale < 1) == (padding == 0 and "crop_padding" not in chosen)


def test_padding_beside_a_resized_crop_is_refused() -> None:
    with pytest.raises(SettingsError, match="crop_padding=2 would have no effect"):
        resolve_augmentation(AugmentSettings(crop_padding=2, min_scale=0.5), (3, 32, 32))


@given(st.integers(1, 30), st.sampled_from([1, 3]), st.integers(0, 100))
@settings(max_examples=20)
def test_normalization_is_mean_and_population_deviation_of_the_chosen_images(count, channels, seed) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (40, 3, 4, channels), dtype=np.uint8)
    chosen = rng.permutation(40)[:count]
    view = ImageView(ImageSet(images, np.zeros(40, dtype=np.int64)), chosen)
    measured = measure_normalization(view)
    pixels = images[chosen].reshape(-1, channels) / 255
    np.testing.assert_allclose(measured.mean, pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(measured.std, pixels.std(axis=0), rtol=1e-12)


def test_chunks_add_up(monkeypatch) -> None:
    images = random_images(50).numpy()
    view = ImageView(ImageSet(images, np.zeros(50, dtype=np.int64)), np.arange(50))
    whole = measure_normalization(view)
    monkeypatch.setattr("dartboard.data.augmentation._VALUES_PER_CHUNK", 7 * 8 * 8 * 3)
    assert measure_normalization(view) == whole


def test_constant_images_have_the_smallest_deviation_and_stay_finite() -> None:
    images = np.full((4, 8, 8, 3), 255, dtype=np.uint8)
    view = ImageView(ImageSet(images, np.zeros(4, dtype=np.int64)), np.arange(4))
    measured = measure_normalization(view)
    assert measured.mean == (1.0, 1.0, 1.0)
    assert measured.std == (1e-6, 1e-6, 1e-6)
    plain = Augmentation(AugmentSettings(), measured, (3, 8, 8)).plain(torch.from_numpy(images))
    assert math.isfinite(plain.abs().max())


def test_normalization_of_nothing_is_refused() -> None:
    view = ImageView(ImageSet(np.zeros((4, 2, 2, 1), np.uint8), np.zeros(4, np.int64)), np.array([], dtype=np.int64))
    with pytest.raises(DataError, match="at least one image"):
        measure_normalization(view)
