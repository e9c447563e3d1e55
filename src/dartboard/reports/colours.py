"""Families and colours of operations: an operation has the same colour in every figure."""

import re
from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["FAMILIES", "FAMILY_COLOURS", "family", "operation_colour"]

FAMILY_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "separable convolution": "#3b82c4",
        "dilated convolution": "#8b5cc7",
        "convolution": "#14938a",
        "inverted residual": "#2f6fb3",
        "pooling": "#c98a1b",
        "skip connection": "#d6455d",
        "attention": "#5c9c3a",
        "noise": "#a0764a",
        "none": "#97a1ac",
        "other": "#7d8590",
    }
)
"""Family -> colour; all are mid-tones that can be seen on white and on dark grey."""

FAMILIES = tuple(FAMILY_COLOURS)

_PATTERNS = (
    ("separable convolution", r"sep_conv"),
    ("dilated convolution", r"dil_conv"),
    ("convolution", r"(pool_)?dense|residual|bottleneck"),
    ("pooling", r"\w*pool"),
    ("skip connection", r"skip|identity"),
    ("attention", r"\w+_excite|c?bam$|\w+_attention"),
    ("noise", r"noise"),
    ("none", r"none$|zero$"),
    ("inverted residual", r"mbconv"),
    ("convolution", r"\w*conv"),
)

_COLOURS = {
    "sep_conv_5x5": "#74b3e8",
    "sep_conv_7x7": "#2a5f94",
    "dil_conv_5x5": "#bb98e6",
    "nor_conv_1x1": "#63c9bd",
    "avg_pool_3x3": "#e6bb5c",
    "mbconv_3x3_e3": "#5fa8dc",
    "mbconv_3x3_e6": "#2f6fb3",
    "mbconv_5x5_e3": "#5fc4ae",
    "mbconv_5x5_e6": "#1d8a74",
    "mbconv_7x7_e3": "#b48ae0",
    "mbconv_7x7_e6": "#7a4bb5",
    "dense_1x1": "#8fd6cd",
    "dense_3x3": "#2fa89c",
    "dense_5x5": "#1c7a70",
    "dense_3x3_relu": "#7fbf9f",
    "pool_dense_3x3": "#4fb37c",
    "residual_3x3": "#3f7fa8",
    "bottleneck_3x3": "#7aa7c7",
    "zero": "#b3bac2",
    "identity": "#ec8b9b",
    "gather_excite": "#3c7021",
    "bam": "#7fbf5c",
    "cbam": "#a3d284",
    "double_attention": "#4f8a63",
}


def family(operation: str) -> str:
    """The family of an operation, one of `FAMILIES`, by the name of the operation.

    >>> family("sep_conv_3x3")
    'separable convolution'
    """
    return next((name for name, pattern in _PATTERNS if re.match(pattern, operation)), "other")


def operation_colour(operation: str) -> str:
    """Hexadecimal colour of one operation: the colour of its family, or a shade of it."""
    return _COLOURS.get(operation, FAMILY_COLOURS[family(operation)])
