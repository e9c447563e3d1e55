"""Training state on disk: one file per phase. It is read without executing code, and refused if it does not fit."""

import io
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import torch

from dartboard.errors import CheckpointError
from dartboard.runs.files import write_atomically
from dartboard.version import __version__

__all__ = ["FORMAT", "load_checkpoint", "save_checkpoint"]

FORMAT = 2
"""Version of the format; it grows whenever the content of a checkpoint changes its meaning."""


def save_checkpoint(path: Path, kind: str, state: dict[str, Any]) -> None:
    """Write `state` (nested dicts and lists of tensors, numbers and strings) to `path`, atomically.

    Args:
        path: the file; its folder must exist.
        kind: the phase that the state belongs to ("search", "train"); it is checked on loading.
        state: the state; `load_checkpoint` reads it back.

    Raises:
        RunDirectoryError: the file cannot be written.
    """
    content = {"format": FORMAT, "dartboard": __version__, "kind": kind, "state": state}
    # Serialised in memory first: on a full disk, torch.save itself would raise a RuntimeError without a reason.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomically(path, lambda stream: stream.write(buffer.getbuffer()))


def load_checkpoint(path: Path, kind: str) -> dict[str, Any]:
    """Read back a state that `save_checkpoint` wrote; its tensors are on the CPU.

    Raises:
        CheckpointError: the file is damaged, holds something else, or has another format version or kind.
    """
    try:
        _check_sums(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (*_ZIP_ERRORS, AssertionError, AttributeError, TypeError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"the checkpoint {path} is damaged; delete it to start that phase again.") from error
    if not isinstance(content, dict) or not content.keys() >= {"format", "state"}:
        raise CheckpointError(f"{path} is not a checkpoint of dartboard; delete it to start that phase again.")
    if content["format"] != FORMAT or content.get("kind") != kind:
        raise CheckpointError(
            f"the checkpoint {path} has format {content['format']} and kind '{content.get('kind')}' (by dartboard "
            f"{content.get('dartboard', '?')}), but dartboard {__version__} needs format {FORMAT} and kind '{kind}'; "
            "use that version, or delete the file to start the phase again."
        )
    state: dict[str, Any] = content["state"]
    return state


_ZIP_ERRORS = (OSError, RuntimeError, EOFError, ValueError, LookupError, struct.error, zipfile.BadZipFile, zlib.error)


def _check_sums(path: Path) -> None:
    """Refuse a file if its bytes have changed since it was written; torch.load itself does not notice flipped bits."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")
