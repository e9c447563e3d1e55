import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dartboard.supernet.mixing import bypass, join_channels, split_channels


def channels(count: int) -> torch.Tensor:
    """Channel c holds the number c everywhere."""
    return torch.arange(float(count))[None, :, None, None].expand(2, count, 3, 3)


def test_a_quarter_of_eight_channels_comes_back_as_two_columns_read_by_rows() -> None:
    kept, rest = split_channels(channels(8), 4)
    assert kept[0, :, 0, 0].tolist() == [0, 1]
    assert rest is not None
    assert rest[0, :, 0, 0].tolist() == [2, 3, 4, 5, 6, 7]
    joined = join_channels(kept, bypass(rest, 1), 4)
    assert joined[0, :, 0, 0].tolist() == [0, 2, 4, 6, 1, 3, 5, 7]


def test_a_share_of_one_keeps_every_channel_in_its_place() -> None:
    x = channels(6)
    kept, rest = split_channels(x, 1)
    assert rest is None
    assert torch.equal(kept, x)
    assert torch.equal(join_channels(kept, None, 1), x)


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(2, 6))
def test_the_shuffle_is_a_permutation_that_sends_other_channels_through_next(size: int, share: int) -> None:
    x = channels(size * share)
    kept, rest = split_channels(x, share)
    assert kept.shape[1] == size
    order = join_channels(kept, rest, share)[0, :, 0, 0].tolist()
    assert order == [group * size + place for place in range(size) for group in range(share)]
    assert sorted(order) == list(range(size * share))
    # The first channels, which the next edge takes, come from as many groups as there is room for.
    assert len({int(channel) // size for channel in order[:size]}) == min(size, share)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_at_stride_1_the_other_channels_stay_themselves(layout: torch.memory_format) -> None:
    x = torch.randn(2, 3, 5, 4).contiguous(memory_format=layout)
    assert torch.equal(bypass(x, 1), x)


def test_at_stride_2_the_other_channels_become_the_maximum_of_every_2x2_pixels() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert bypass(x, 2)[0, 0].tolist() == [[5, 7], [13, 15]]


def test_at_stride_2_an_odd_side_keeps_its_last_pixels_by_themselves() -> None:
    x = -torch.arange(15.0).reshape(1, 1, 3, 5)
    # All values are negative but the first: padding with zeros would show.
    assert bypass(x, 2)[0, 0].tolist() == [[0, -2, -4], [-10, -12, -14]]


@pytest.mark.parametrize("side", range(1, 10))
def test_bypassed_channels_have_the_size_of_those_that_went_through_a_stride(side: int) -> None:
    x = torch.randn(1, 2, side, 2)
    for stride in (1, 2):
        assert bypass(x, stride).shape[2] == -(-side // stride)
