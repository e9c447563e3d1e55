"""Maps as matrices: the same numbers, the same memory, and sums over pixels."""

import pytest
import torch

from dartboard.kernels.rows import as_branches, as_images, as_rows, sum_of_products


def draw(*shape: int) -> torch.Tensor:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x.contiguous(memory_format=torch.channels_last)


def test_rows_and_branches_are_views_that_turn_back_into_the_map() -> None:
    x = draw(2, 6, 3, 4)
    rows, branches = as_rows(x), as_branches(as_rows(x), 3)
    assert rows.data_ptr() == branches.data_ptr() == x.data_ptr()
    assert torch.equal(rows, x.permute(0, 2, 3, 1).reshape(24, 6))
    assert torch.equal(torch.cat(list(branches), dim=1), rows)
    assert torch.equal(as_images(rows, x), x)


def test_another_layout_gives_the_same_rows() -> None:
    x = draw(2, 6, 3, 4)
    assert torch.equal(as_rows(x.contiguous()), as_rows(x))


@pytest.mark.parametrize("pixels", [1, 7, 4096, 4097, 8192])
def test_sums_over_pixels_are_those_of_plain_products(pixels: int) -> None:
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(pixels, width, generator=generator, dtype=torch.float64) for width in (3, 5))
    torch.testing.assert_close(sum_of_products(left, right), left.T @ right, rtol=1e-10, atol=1e-10)
