"""Decoded images on disk: one folder per dataset content and settings, written whole or not at all."""

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import PIL

from dartboard.data.data_settings import DataSettings
from dartboard.data.dataset import ImageSet
from dartboard.data.decode import Decoded
from dartboard.data.reading import Reading
from dartboard.data.rowfile import SUPPORTED, RowFile, array_bytes
from dartboard.data.sources import Encoded, SourceIndex, SplitName
from dartboard.errors import DataError
from dartboard.places import expanded, user_cache

__all__ = [
    "DECODER",
    "CacheEntry",
    "cache_entries",
    "cache_root",
    "fingerprint",
    "load_decoded",
    "remove_entry",
    "store_decoded",
    "take_over",
]

FORMAT = 4

DECODER = f"Pillow {PIL.__version__}, format {FORMAT}"
"""What decodes images to pixels; other versions may decode the same files otherwise."""


def cache_root(cache_dir: Path | None) -> Path:
    """`cache_dir`, else the folder of DARTBOARD_CACHE, else dartboard in the user's cache folder (`user_cache`)."""
    if cache_dir is not None:
        return cache_dir
    if own := os.environ.get("DARTBOARD_CACHE"):
        return expanded(own)
    return user_cache() / "dartboard"


def fingerprint(index: SourceIndex, settings: DataSettings) -> str:
    """32 hexadecimal digits that change with any name, label or byte of the images and with how they are decoded.

    Raises:
        DataError: a parquet file is damaged.
    """
    digest = hashlib.blake2b(digest_size=16)
    how = [FORMAT, PIL.__version__, settings.image_size, settings.fit, settings.value_range, settings.skip_broken]
    how.append(index.classes)
    digest.update(json.dumps(how).encode())
    for split_name, split in index.splits.items():
        labels = [None] * len(split) if split.labels is None else split.labels.tolist()
        for name, label, encoded in zip(split.names, labels, split.images, strict=True):
            content = _content(encoded)
            digest.update(f"\0{split_name}\0{name}\0{label}\0{len(content)}\0".encode(errors="backslashreplace"))
            digest.update(content)
    return digest.hexdigest()


def load_decoded(root: Path, key: str, mapped_from: int) -> Decoded | None:
    """The decoded images stored under `key`; None when there are none or the entry is damaged.

    Images that take `mapped_from` bytes or more together stay on disk and are mapped read-only; their checksum is not
    verified.
    """
    entry = root / key
    try:
        meta: Any = json.loads((entry / "meta.json").read_text(encoding="utf-8"))
        facts = {name: meta["splits"][name] for name in _stored(meta["splits"])}
        mapped = sum(array_bytes(each["shape"]) for each in facts.values()) >= mapped_from
        splits = {name: _load_split(entry, name, each, mapped=mapped) for name, each in facts.items()}
        with suppress(OSError):
            (entry / "meta.json").touch()  # its last use, by which old entries are told
        broken = {name: {int(row): str(why) for row, why in meta["broken"][name].items()} for name in splits}
        notes = tuple(str(note) for note in meta["notes"])
        return Decoded(splits, Reading.from_json(meta["reading"]), notes, broken) if "train" in splits else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, MemoryError, RecursionError):
        return None


def store_decoded(root: Path, key: str, decoded: Decoded) -> None:
    """Store decoded images under `key`, replacing an older entry; nothing is left behind on failure.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    root.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=root))
    try:
        for name, images in decoded.splits.items():
            np.save(building / f"images-{name}.npy", images.images, allow_pickle=False)
        take_over(root, key, building, decoded)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def take_over(root: Path, key: str, building: Path, decoded: Decoded) -> None:
    """Turn the folder `building`, which holds the decoded images, into the entry `key`, replacing an older one.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    splits = {}
    for name, images in decoded.splits.items():
        # Nobody verifies the checksum of images on disk, so they are not read again to compute one.
        checksums = {} if images.file else {"images": _checksum(images.images)}
        if images.labels is not None:
            np.save(building / f"labels-{name}.npy", images.labels, allow_pickle=False)
            checksums["labels"] = _checksum(images.labels)
        splits[name] = {"shape": images.images.shape, "checksums": checksums}
    meta = {"format": FORMAT, "splits": splits, "notes": decoded.notes, "broken": decoded.broken}
    meta["reading"] = decoded.reading._asdict()
    (building / "meta.json").write_text(json.dumps(meta, indent=2), encoding="utf-8")
    shutil.rmtree(root / key, ignore_errors=True)
    building.rename(root / key)


def _load_split(entry: Path, name: SplitName, facts: Any, *, mapped: bool) -> ImageSet:
    path, checksum = entry / f"images-{name}.npy", facts["checksums"].get("images")
    file: RowFile | None = None
    if SUPPORTED and (mapped or checksum is None):
        file = RowFile.open(path)
        images = file.images
    else:
        images = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    expected = images.dtype == np.uint8 and list(images.shape) == facts["shape"]
    if not expected or not (file or mapped or _checksum(images) == checksum):
        raise ValueError(f"{path} is damaged")
    return ImageSet(images, _load_labels(entry, name, facts["checksums"].get("labels")), file=file)


def _load_labels(entry: Path, name: SplitName, checksum: int | None) -> npt.NDArray[np.int64] | None:
    if checksum is None:
        return None
    labels: npt.NDArray[np.int64] = np.load(entry / f"labels-{name}.npy", allow_pickle=False)
    if labels.dtype != np.int64 or _checksum(labels) != checksum:
        raise ValueError(f"the labels of {name} in {entry} are damaged")
    return labels


def _stored(splits: Any) -> list[SplitName]:
    return [name for name in get_args(SplitName) if name in splits]


def _checksum(values: npt.NDArray[np.generic]) -> int:
    return zlib.crc32(np.ascontiguousarray(values).data)


def _content(encoded: Encoded) -> bytes:
    if isinstance(encoded, bytes):
        return encoded
    if isinstance(encoded, np.ndarray):
        return f"{encoded.dtype}{encoded.shape}".encode() + encoded.tobytes()
    try:
        return encoded.read_bytes()
    except OSError as error:
        # The decoder will report the file as broken; its key must differ from that of the file once it is readable.
        return f"unreadable: {error.errno}".encode()


_KEY = re.compile(r"[0-9a-f]{32}")
_UNFINISHED = re.compile(r"\.[0-9a-f]{32}-.+")
_ABANDONED = 86400.0
"""Seconds after which an entry that was begun and not finished belongs to no process any more."""


@dataclass(frozen=True)
class CacheEntry:
    """The decoded images of one dataset, or what an interrupted decoding left.

    Attributes:
        path: its folder.
        images: number of images; 0 for one that is not finished.
        size: (height, width, channels) of an image; empty for one that is not finished.
        bytes: room that it takes on the disk.
        used: time of its last use, in seconds since 1970.
    """

    path: Path
    images: int
    size: tuple[int, ...]
    bytes: int
    used: float


def cache_entries(root: Path) -> list[CacheEntry]:
    """The entries of the cache, the one that was used last first; nothing else in the folder is looked at.

    An entry is a folder named by a fingerprint with a description of images in it. Links are no entries.
    """
    found = []
    for path in root.iterdir() if root.is_dir() else ():
        if path.is_symlink() or not path.is_dir():
            continue
        whole = _KEY.fullmatch(path.name) and (path / "meta.json").is_file()
        old = time.time() - path.stat().st_mtime > _ABANDONED
        if whole or (old and _UNFINISHED.fullmatch(path.name)):
            found.append(_entry(path))
    return sorted(found, key=lambda each: each.used, reverse=True)


def remove_entry(root: Path, entry: CacheEntry) -> None:
    """Remove an entry of the cache. A process that has mapped its images keeps them until it ends.

    Raises:
        DataError: it cannot be removed.
        ValueError: it is no entry of this cache.
    """
    if entry.path.parent != root or entry.path.is_symlink():
        raise ValueError(f"{entry.path} is no entry of the cache {root}")
    try:
        (entry.path / "meta.json").unlink(missing_ok=True)  # from now on nobody takes it for whole
        shutil.rmtree(entry.path)
    except OSError as error:
        raise DataError(f"{entry.path} cannot be removed: {error.strerror or error}.") from error


def _entry(path: Path) -> CacheEntry:
    files = [file for file in path.iterdir() if file.is_file() and not file.is_symlink()]
    try:
        meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
        shapes = [tuple(map(int, each["shape"])) for each in meta["splits"].values()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        shapes = []
    return CacheEntry(
        path,
        images=sum(shape[0] for shape in shapes),
        size=shapes[0][1:] if shapes else (),
        bytes=sum(file.stat().st_size for file in files),
        used=max((file.stat().st_mtime for file in files), default=path.stat().st_mtime),
    )
