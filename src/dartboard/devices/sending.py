"""Moving numbers from the host to a device."""

import torch
from torch import Tensor

__all__ = ["send"]


def send(tensor: Tensor, device: torch.device, dtype: torch.dtype | None = None) -> Tensor:
    """Copy a tensor to a device, without waiting for its earlier work where that is safe.

    On CUDA, memory that is not pinned has been read when the call returns, so the tensor may be freed. MPS reads it
    later, when it may hold other numbers (github.com/pytorch/pytorch/issues/189690), so the call waits there.

    Args:
        tensor: a tensor on the host.
        device: the device to copy to.
        dtype: type of the copy; None keeps that of the tensor.

    Returns:
        A tensor on `device`, of the same shape; `tensor` itself if nothing has to change.
    """
    return tensor.to(device=device, dtype=dtype, non_blocking=device.type != "mps")
