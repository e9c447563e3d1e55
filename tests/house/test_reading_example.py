"""The example that classifies with an exported network reads image files as the library does, or refuses them."""

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from dartboard.data import Reading
from dartboard.data.pixels import decode_image

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "classify_onnx.py"
RNG = np.random.default_rng(0)


def values(*shape: int, kind: str = "uint8") -> np.ndarray[Any, Any]:
    drawn = RNG.integers(0, 4000 if kind != "uint8" else 256, shape)
    return (drawn / 4000 if kind.startswith("float") else drawn).astype(kind)


def saved(folder: Path, name: str, write: Callable[[Path], object]) -> Path:
    write(folder / name)
    return folder / name


def turned() -> Image.Exif:
    notes = Image.Exif()
    notes[274] = 6
    return notes


FILES: dict[str, Callable[[Path], object]] = {
    "gray.npy": lambda path: np.save(path, values(20, 30)),
    "colours.npy": lambda path: np.save(path, values(20, 30, 3)),
    "first.npy": lambda path: np.save(path, values(4, 20, 30)),
    "deep.npy": lambda path: np.save(path, values(20, 30, kind="uint16")),
    "decimal.npz": lambda path: np.savez(path, values(20, 30, 3, kind="float64")),
    "same.npy": lambda path: np.save(path, values(12, 16, 4, kind="int16")),
    "pages.tif": lambda path: tifffile.imwrite(path, values(4, 20, 30, kind="uint16"), photometric="minisblack"),
    "many.tif": lambda path: tifffile.imwrite(path, values(20, 30, 4), photometric="minisblack", planarconfig="contig"),
    "deep.tif": lambda path: tifffile.imwrite(path, values(20, 30, kind="uint16")),
    "decimal.tif": lambda path: tifffile.imwrite(path, values(20, 30, kind="float32")),
    "deep.png": lambda path: Image.fromarray(values(20, 30, kind="uint16")).save(path),
    "turned.jpg": lambda path: Image.fromarray(values(60, 90, 3)).save(path, exif=turned()),
    "ink.jpg": lambda path: Image.fromarray(values(20, 30, 3)).convert("CMYK").save(path),
    "clear.png": lambda path: Image.fromarray(values(20, 30, 4)).save(path),
    "palette.gif": lambda path: Image.fromarray(values(20, 30)).convert("P").save(path),
    "bits.png": lambda path: Image.fromarray(values(20, 30) > 128).save(path),
}
READINGS = [
    Reading(12, 16, 1, "crop"),
    Reading(12, 16, 3, "pad", ((0.0, 4000.0),) * 3),
    Reading(12, 16, 4, "stretch", ((0.0, 1000.0), (0.0, 2000.0), (5.0, 3000.0), (0.0, 4000.0))),
]


@pytest.fixture
def reading_as(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs the example with a network that takes images as a reading says; on files, or to have its functions."""

    def run(reading: Reading, *files: Path) -> Any:
        facts = {"classes": '["a"]', "reading": json.dumps({"fit": reading.fit, "ranges": reading.ranges})}
        session = SimpleNamespace(
            get_modelmeta=lambda: SimpleNamespace(custom_metadata_map=facts),
            get_inputs=lambda: [SimpleNamespace(shape=["batch", *reading.shape])],
        )
        module = SimpleNamespace(InferenceSession=lambda _: session)
        monkeypatch.setitem(sys.modules, "onnxruntime", module)  # type: ignore[arg-type]
        monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "m.onnx", *map(str, files)])
        return runpy.run_path(str(EXAMPLE))

    return run


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: f"{reading.channels} channels")
@pytest.mark.parametrize("name", FILES)
def test_the_example_reads_what_the_library_reads(
    name: str, reading: Reading, tmp_path: Path, reading_as: Callable[..., Any]
) -> None:
    path, read = saved(tmp_path, name, FILES[name]), reading_as(reading)["read"]
    try:
        wanted = decode_image(path, reading)
    except ValueError:
        with pytest.raises(ValueError, match="channels"):
            read(str(path))
    else:
        found = read(str(path))
        assert (found.dtype, found.shape) == (np.uint8, reading.shape)
        np.testing.assert_array_equal(found, wanted)


DEEP = np.arange(16, dtype=np.uint16).reshape(4, 4)
TURNED = {"photometric": "minisblack", "extratags": [(274, "H", 1, 6, True)]}
"""The note of a TIFF file that the image lies on its side."""


@pytest.mark.parametrize(
    ("name", "write", "told"),
    [
        ("two.npz", lambda path: np.savez(path, a=values(4, 4), b=values(4, 4)), "holds 2 arrays"),
        ("flat.npy", lambda path: np.save(path, values(9)), r"shape \(9,\)"),
        ("nan.npy", lambda path: np.save(path, np.full((4, 4), np.nan)), "not finite"),
        ("signed.tif", lambda path: tifffile.imwrite(path, values(4, 4).view(np.int8)), "a rare kind of TIFF"),
        ("wide.tif", lambda path: tifffile.imwrite(path, np.ones((4, 4), np.uint32)), "a rare kind of TIFF"),
        ("dark.tif", lambda path: tifffile.imwrite(path, DEEP, photometric="miniswhite"), "a rare kind of TIFF"),
        ("turned.tif", lambda path: tifffile.imwrite(path, DEEP[None].repeat(2, 0), **TURNED), "on its side"),
        ("text.jpg", lambda path: path.write_text("no image"), "cannot identify"),
        ("absent.png", lambda _: None, "No such file"),
        ("cut.png", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), "cut.png"),
    ],
)
def test_the_example_refuses_the_rest_in_a_sentence(
    name: str, write: Callable[[Path], object], told: str, tmp_path: Path, reading_as: Callable[..., Any]
) -> None:
    with pytest.raises(SystemExit, match=rf"{name} cannot be read: .*{told}"):
        reading_as(READINGS[0], saved(tmp_path, name, write))


def test_the_example_refuses_colours_of_16_bits(tmp_path: Path, reading_as: Callable[..., Any]) -> None:
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    header = (4).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    rows = zlib.compress(b"".join(b"\0" + bytes(range(24)) for _ in range(4)))
    path = tmp_path / "deep.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    with pytest.raises(SystemExit, match="colours of 16 bits; save it"):
        reading_as(READINGS[1], path)
