"""Which device is meant by a name, and how it is called in full."""

import torch

from dartboard.errors import SettingsError
from dartboard.wording import count

__all__ = ["device_name", "find_device"]


def find_device(name: str) -> torch.device:
    """The device called `name`; "auto" takes the accelerator of this machine (CUDA, MPS, ...) or the CPU.

    Raises:
        SettingsError: there is no such device here.
    """
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name == "auto":
        return found or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(f"'{name}' is not a device; use auto, cpu, cuda, cuda:N or mps.") from error
    count = torch.accelerator.device_count() if found and found.type == device.type else 0
    if device.type != "cpu" and (device.index or 0) >= count:
        available = "cpu" if found is None else f"cpu, {found.type}, {torch.accelerator.device_count()} of them"
        raise SettingsError(f"the device '{name}' is not available here; available: {available}.")
    return device


def device_name(device: torch.device) -> str:
    """The device with its model name, such as "cuda (NVIDIA H100)" or "cpu (2 threads)"."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({count(torch.get_num_threads(), 'thread')})" if device.type == "cpu" else device.type
