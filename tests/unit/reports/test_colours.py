import pytest

from dartboard.reports.colours import FAMILIES, family, operation_colour
from dartboard.space.ops import OPS


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("sep_conv_5x5", "separable convolution"),
        ("dil_conv_3x3", "dilated convolution"),
        ("nor_conv_1x1", "convolution"),
        ("max_pool_3x3", "pooling"),
        ("skip_connect", "skip connection"),
        ("none", "none"),
        ("noise", "noise"),
        ("mbconv_5x5_e6", "inverted residual"),
        ("double_attention", "attention"),
        ("squeeze_excite", "attention"),
        ("bam", "attention"),
        ("bamboo", "other"),
    ],
)
def test_family_is_told_by_the_name(operation, expected):
    assert family(operation) == expected


def test_every_registered_operation_has_a_family_and_a_colour_of_its_own():
    names = [entry.name for entry in OPS]
    assert all(family(name) in FAMILIES and family(name) != "other" for name in names)
    assert len({operation_colour(name) for name in names}) == len(names)
