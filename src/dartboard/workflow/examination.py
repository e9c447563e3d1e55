"""What this machine and this installation have for a run, what is missing, and what that would give."""

import importlib.metadata
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch.nn import functional

from dartboard.data import cache_entries, cache_root
from dartboard.devices import device_name, find_device
from dartboard.errors import DartboardError
from dartboard.processors import busy_cores
from dartboard.runs import Record
from dartboard.shelves import REGISTRIES
from dartboard.version import __version__

__all__ = ["EXTRAS", "Examination", "Extra", "examine"]

_LIBRARIES = ("torch", "numpy", "pillow", "scikit-learn", "pyarrow", "pydantic", "typer", "rich", "safetensors")

EXTRAS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "export": (("onnx", "onnxscript", "onnxruntime"), "dartboard export RUN --out model.onnx"),
    "optuna": (("optuna", "psycopg"), "the methods tpe and nsga2, and searches that share a database (search.storage)"),
    "postgres": (("psycopg",), "studies of many hosts, whose state is in a PostgreSQL database (--state)"),
    "ray": (("ray",), "studies on the hosts of a Ray cluster (--cluster ray)"),
    "hf": (("datasets",), "datasets of the Hugging Face Hub, as in hf:owner/name"),
}
"""Extra of the package -> the modules that it installs, and what they give."""


class Extra(Record):
    """Something that can be installed besides."""

    installed: bool
    """Whether all of it is there."""

    missing: tuple[str, ...]
    """Modules that are not there."""

    gives: str
    """What it gives."""

    remedy: str
    """How to install it."""


class Examination(Record):
    """What this machine and this installation have for a run."""

    versions: dict[str, str]
    """Versions of Python and of the libraries."""

    place: str
    """Where dartboard is installed."""

    device: str
    """The device that `--device auto` takes."""

    threads: int
    """Threads that torch computes with on the CPU."""

    cores: int
    """Cores of this machine that the process may use."""

    busy_cores: float
    """Cores that programs keep busy at the moment."""

    environment: dict[str, str]
    """Environment variables that change what dartboard does, where they are set."""

    data_folder: str | None
    """Folder of DARTBOARD_DATA, which holds tables and datasets; null where it is not set."""

    cache: str
    """Folder of decoded images."""

    cache_entries: int
    """Number of datasets in the cache."""

    cache_bytes: int
    """Room that the cache takes."""

    free_bytes: int | None
    """Free room on the disk of the cache; null where it cannot be told."""

    extras: dict[str, Extra]
    """What can be installed besides, by the name of the extra."""

    extensions: dict[str, str]
    """Entry points of other packages: group and name -> the module."""

    faults: tuple[str, ...]
    """What keeps a run from working, in sentences; empty if a run can work."""

    warnings: tuple[str, ...]
    """What makes a run slower or smaller than it could be, in sentences."""


def examine() -> Examination:
    """Look at this machine and this installation; nothing is kept."""
    root = cache_root(None)
    entries = cache_entries(root)
    device, fault = _device()
    data = os.environ.get("DARTBOARD_DATA")
    return Examination(
        versions={"dartboard": __version__, "python": _python(), **dict(_versions())},
        place=str(Path(__file__).resolve().parents[1]),
        device=device,
        threads=torch.get_num_threads(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        busy_cores=round(busy_cores(), 2),
        environment={name: value for name, value in sorted(os.environ.items()) if _counts(name)},
        data_folder=data,
        cache=str(root),
        cache_entries=len(entries),
        cache_bytes=sum(entry.bytes for entry in entries),
        free_bytes=_free(root),
        extras={name: _extra(name, *facts) for name, facts in EXTRAS.items()},
        extensions=dict(_extensions()),
        faults=tuple(filter(None, [fault, *_unwritable()])),
        warnings=tuple(_warnings(root, data)),
    )


def _python() -> str:
    return f"{platform.python_version()} ({platform.system()} {platform.machine()})"


def _versions() -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, "not found"


def _device() -> tuple[str, str]:
    """The device, and why it cannot compute; empty if it can."""
    try:
        device = find_device("auto")
        weights = torch.ones(1, 1, 3, 3, device=device, requires_grad=True)
        functional.conv2d(torch.ones(1, 1, 8, 8, device=device), weights, padding=1).sum().backward()  # type: ignore[no-untyped-call]
    except (DartboardError, RuntimeError) as error:
        told = " ".join(str(error).split()).rstrip(".")
        return "none", f"The device cannot compute a convolution and its gradient ({told}); try --device cpu."
    return device_name(device), ""


def _counts(name: str) -> bool:
    return name.startswith(("DARTBOARD_", "OMP_", "GOMP_", "CUDA_", "XDG_CACHE_HOME", "TMPDIR")) or name == "HF_HOME"


def _free(folder: Path) -> int | None:
    there = next((each for each in (folder, *folder.parents) if each.is_dir()), None)
    try:
        return shutil.disk_usage(there).free if there else None
    except OSError:
        return None


def _extra(name: str, modules: tuple[str, ...], gives: str) -> Extra:
    missing = tuple(module for module in modules if find_spec(module) is None)
    return Extra(installed=not missing, missing=missing, gives=gives, remedy=f"pip install 'dartboard[{name}]'")


def _extensions() -> Iterator[tuple[str, str]]:
    for shelf in REGISTRIES.values():
        for point in importlib.metadata.entry_points(group=shelf.group):
            yield f"{shelf.group}: {point.name}", point.value


def _unwritable() -> Iterator[str]:
    for folder, what in ((Path.cwd(), "runs/ is made here unless --out names another place"), (_temporary(), "TMPDIR")):
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            yield f"{folder} cannot be written ({error.strerror or error}; {what})."


def _temporary() -> Path:
    return Path(tempfile.gettempdir())


def _warnings(root: Path, data: str | None) -> Iterator[str]:
    there = next((each for each in (root, *root.parents) if each.is_dir()), None)
    if there is None or not os.access(there, os.W_OK):
        yield f"The cache {root} cannot be written, so images are decoded anew for every run."
    if data and not Path(data).is_dir():
        yield f"DARTBOARD_DATA names {data}, and there is no such folder."
