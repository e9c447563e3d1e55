"""Kernels for CPUs: the gradients of these convolutions, norms and sums are as fast as their forward passes."""

from dartboard.kernels.choice import plain_kernels
from dartboard.kernels.depthwise import DepthwiseConv2d

__all__ = ["DepthwiseConv2d", "plain_kernels"]
