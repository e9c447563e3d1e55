"""Fixtures shared by all tests: where the real data lies, and small datasets written on the spot."""

import gc
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import settings
from PIL import Image

from dartboard.devices import memory
from dartboard.estimate import ArchitectureTable
from dartboard.testing import small_space_registered

# One thread, for children and this process: sums over several round differently, and tiny tensors gain nothing.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)

# Timing never decides a test.
settings.register_profile("dartboard", deadline=None)
settings.load_profile("dartboard")

REPOSITORY = Path(__file__).resolve().parents[1]

FolderWriter = Callable[..., Path]
ParquetWriter = Callable[..., Path]


@pytest.fixture(scope="session", autouse=True)
def _garbage_is_left_alone() -> Iterator[None]:
    """A collection at the start of each of a thousand tiny searches would take longer than the searches.

    It looks at all that pytest and its tests hold. What is there now is never looked at again.
    """
    gc.collect()
    gc.freeze()
    idle = SimpleNamespace(collect=lambda: 0, freeze=lambda: None, unfreeze=lambda: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dartboard.devices.memory.gc", idle)
        yield


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real datasets; tests that ask for it are skipped where it is absent."""
    root = Path(os.environ.get("DARTBOARD_DATA", REPOSITORY.parent / "shared" / "data"))
    if not root.is_dir():
        pytest.skip(f"needs the real datasets, and {root} is not there; name their folder with DARTBOARD_DATA")
    return root


@pytest.fixture
def real_tables(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look-ups find the real tables of NAS-Bench-201."""
    monkeypatch.setenv("DARTBOARD_DATA", str(data_root))


@pytest.fixture(scope="session")
def nas_bench_201_table(data_root: Path) -> ArchitectureTable:
    """The real table of NAS-Bench-201."""
    return ArchitectureTable(data_root / "nas-bench-201" / "nb201_12epochs.parquet")


@pytest.fixture(autouse=True, scope="session")
def freed_memory_kept() -> Iterator[None]:
    """Phases do not give freed memory back: in a process with thousands of tests that takes longer than the phase."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(memory, "give_back_freed_memory", lambda: None)
        yield


@pytest.fixture
def small_space() -> Iterator[None]:
    """There is a space `small`, for whole searches in a fraction of a second."""
    with small_space_registered():
        yield


@pytest.fixture(scope="session")
def write_image_folder() -> FolderWriter:
    """Writes `root/CLASS/NUMBER.png` with random pixels, the same ones for the same arguments."""

    def write(
        root: Path, classes: Sequence[str] = ("cats", "dogs"), per_class: int = 6, size: tuple[int, ...] = (8, 8, 3)
    ) -> Path:
        rng = np.random.default_rng(0)
        for name in classes:
            (root / name).mkdir(parents=True)
            for number in range(per_class):
                pixels = rng.integers(0, 256, size, dtype=np.uint8)
                Image.fromarray(pixels).save(root / name / f"{number}.png")
        return root

    return write


@pytest.fixture
def image_folder(tmp_path: Path, write_image_folder: FolderWriter) -> Path:
    """A folder of 2 classes with 6 colour images of 8x8 pixels each."""
    return write_image_folder(tmp_path / "pets")


@pytest.fixture(scope="session")
def write_parquet() -> ParquetWriter:
    """Writes a parquet file in Hugging Face style: gray 8x8 PNGs, one for each label."""

    def write(path: Path, labels: Sequence[int | str | None], names: Sequence[str] | None = None) -> Path:
        rng = np.random.default_rng(0)
        images = []
        for row in range(len(labels)):
            buffer = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(buffer, format="PNG")
            images.append({"bytes": buffer.getvalue(), "path": f"{row}.png"})
        table = pa.table({"image": images, "label": labels})
        if names is not None:
            features = {"image": {"_type": "Image"}, "label": {"names": list(names), "_type": "ClassLabel"}}
            table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        return path

    return write


@pytest.fixture
def parquet_file(tmp_path: Path, write_parquet: ParquetWriter) -> Path:
    """A parquet file of 12 images in the classes cat and dog by turns."""
    return write_parquet(tmp_path / "pets.parquet", [0, 1] * 6, ["cat", "dog"])
