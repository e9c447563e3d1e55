"""Kernels for CPUs: convolutions, norms and sums whose gradients are as fast as their forward pass."""

from dartboard.kernels.choice import plain_kernels
from dartboard.kernels.depthwise import DepthwiseConv2d

__all__ = ["DepthwiseConv2d", "plain_kernels"]
