"""Progressive resizing: the order of sizes, and what is left of an image."""

import pytest
import torch

from dartboard.runs import step_work
from dartboard.training.resizing import image_side, more_steps, resized


@pytest.mark.parametrize(
    ("share", "side"), [(0.0, 0.625), (0.149, 0.625), (0.15, 0.75), (0.499, 0.75), (0.5, 1.0), (1.0, 1.0)]
)
def test_sides_grow_from_five_eighths_to_the_whole(share: float, side: float) -> None:
    assert image_side(share) == side


def test_the_published_sides_of_cifar_images() -> None:
    assert [resized(torch.zeros(1, 3, 32, 32), image_side(share)).shape[2] for share in (0, 0.2, 0.9)] == [20, 24, 32]


def test_smaller_images_keep_their_shades() -> None:
    flat = torch.full((2, 3, 16, 16), 0.7)
    torch.testing.assert_close(resized(flat, 0.75), torch.full((2, 3, 12, 12), 0.7))
    # Away from the border a slope stays a slope, whose pixels lie at the same places of the image.
    slope = torch.arange(32.0).expand(1, 1, 32, 32)
    places = (torch.arange(24) + 0.5) / 24 * 32 - 0.5
    torch.testing.assert_close(resized(slope, 0.75)[0, 0, 5, 2:-2], places[2:-2], atol=0.02, rtol=0)


def test_whole_images_are_not_touched_and_none_vanishes() -> None:
    images = torch.randn(1, 3, 8, 8)
    assert resized(images, 1.0) is images
    assert resized(torch.zeros(1, 1, 1, 9), 0.25).shape == (1, 1, 1, 2)


def test_small_images_at_first_give_as_many_more_steps_as_a_training_takes() -> None:
    epochs, steps = 2000, 1000
    taken = sum(round(steps / step_work(image_side(epoch / epochs))) for epoch in range(epochs))
    assert taken / (epochs * steps) == pytest.approx(more_steps(), rel=1e-3)
