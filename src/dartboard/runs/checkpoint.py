"""Training state on disk: one file per phase, read without executing code and refused when it does not belong."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from dartboard.errors import CheckpointError
from dartboard.runs.files import write_atomically
from dartboard.version import __version__

__all__ = ["FORMAT", "load_checkpoint", "save_checkpoint"]

FORMAT = 1
"""Raised whenever the content of a checkpoint changes its meaning."""


def save_checkpoint(path: Path, kind: str, state: dict[str, Any]) -> None:
    """Write `state` (nested dicts and lists of tensors, numbers and strings) to `path`, atomically.

    Args:
        path: the file; its folder exists.
        kind: what the state belongs to ("search", "train"), checked on loading.
        state: the state.

    Raises:
        RunDirectoryError: the file cannot be written.
    """
    content = {"format": FORMAT, "dartboard": __version__, "kind": kind, "state": state}
    # By way of memory, since torch hides why a stream could not be written, such as a full disk.
    serialized = io.BytesIO()
    torch.save(content, serialized)
    write_atomically(path, lambda stream: stream.write(serialized.getbuffer()))


def load_checkpoint(path: Path, kind: str) -> dict[str, Any]:
    """Read back what `save_checkpoint` wrote, tensors on the CPU.

    Raises:
        CheckpointError: the file is damaged, holds something else, or was written by another format version.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"the checkpoint {path} is damaged; delete it to start that phase again.") from error
    if not isinstance(content, dict) or "format" not in content:
        raise CheckpointError(f"{path} is not a checkpoint of dartboard; delete it to start that phase again.")
    if content["format"] != FORMAT or content.get("kind") != kind:
        raise CheckpointError(
            f"the checkpoint {path} has format {content['format']} and kind '{content.get('kind')}' (by dartboard "
            f"{content.get('dartboard', '?')}), where dartboard {__version__} wants format {FORMAT} and kind '{kind}'; "
            "use that version, or delete the file to start the phase again."
        )
    state: dict[str, Any] = content["state"]
    return state
