"""The forward pass of a training, compiled."""

import os
import shutil
from collections.abc import Callable

import torch
from torch import Tensor

from dartboard.errors import SettingsError
from dartboard.space import DrawnPaths, DropPath, Network
from dartboard.space.ops import RandomOp

__all__ = ["Forward", "check_compiler", "compile_forward"]

Forward = Callable[[Tensor, DropPath], tuple[Tensor, Tensor | None]]
"""(images, drop path) -> logits, and logits of the auxiliary head; `Network.forward_with_auxiliary` is one."""

_COMPILERS = ("c++", "g++", "clang++")


def check_compiler(device: torch.device) -> None:
    """Refuse compilation on a CPU without a C++ compiler, which torch needs.

    Raises:
        SettingsError: the device is a CPU and no C++ compiler is found.
    """
    named = os.environ.get("CXX")
    if device.type != "cpu" or any(shutil.which(name) for name in ([named] if named else _COMPILERS)):
        return
    found = f"CXX names {named}, which is not there" if named else "there is none"
    raise SettingsError(
        f"train.compile needs a C++ compiler on a CPU, and {found}; install g++ or set train.compile=false."
    )


def compile_forward(network: Network) -> Forward:
    """`network.forward_with_auxiliary`, compiled at its first call; the network itself does not change.

    The paths to drop are drawn outside of the compiled part. So there are at most two compilations: one for the first
    epoch, in which nothing is dropped, and one for all other epochs.

    Raises:
        SettingsError: an operation of the network draws random numbers; after compilation it would draw them only once.
    """
    if any(isinstance(module, RandomOp) for module in network.modules()):
        raise SettingsError("a network with noise cannot be compiled; set train.compile=false.")

    @torch.compile(dynamic=False)
    def run(images: Tensor, masks: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return network.forward_with_auxiliary(images, None if masks is None else DrawnPaths(masks))

    def forward(images: Tensor, drop_path: DropPath) -> tuple[Tensor, Tensor | None]:
        masks = drop_path.draw(network.num_droppable, images) if drop_path.probability > 0 else None
        found: tuple[Tensor, Tensor | None] = run(images, masks)
        return found

    return forward
