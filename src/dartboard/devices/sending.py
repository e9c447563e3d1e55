"""Moving numbers from the host to a device."""

import torch
from torch import Tensor

__all__ = ["send"]


def send(tensor: Tensor, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """The tensor on a device, without waiting for what that is doing where this is safe; itself if it is there already.

    CUDA has read memory that is not pinned when the call returns, so that the tensor may go. MPS reads it later, when
    other numbers may lie there (github.com/pytorch/pytorch/issues/189690), and must be waited for.

    Args:
        tensor: on the host.
        device: where to.
        dtype: what to convert to; None: nothing.
    """
    return tensor.to(device=device, dtype=dtype, non_blocking=device.type != "mps")
