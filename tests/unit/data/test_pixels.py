import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from dartboard.data import pixels
from dartboard.data.pixels import BrokenImageError, Header, Shape, decode_image, read_header


def encode(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def ramp(height: int, width: int) -> Image.Image:
    """A gray image that grows from left to right and, less, from top to bottom."""
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray((rows + 8 * columns).astype(np.uint8))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_exif_orientation_is_undone(orientation, format) -> None:
    upright = np.asarray(ramp(6, 10))
    # How a camera stores an upright picture under each orientation, by the EXIF standard.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(Image.fromarray(np.ascontiguousarray(stored)), format, exif=exif)
    assert read_header(content) == Header(6, 10, True)
    np.testing.assert_array_equal(decode_image(content, Shape(6, 10, 1))[..., 0], upright)


def test_an_image_is_turned_though_other_notes_of_its_camera_are_damaged() -> None:
    # Little-endian notes of two entries: orientation 6, and a resolution unit that is text and not a number.
    turned, unit = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0), struct.pack("<HHI4s", 0x0128, 2, 4, b"abc")
    notes = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + turned + unit + struct.pack("<I", 0)
    content = encode(Image.fromarray(np.ascontiguousarray(np.asarray(ramp(6, 10)).T[::-1])), exif=notes)
    with pytest.raises(struct.error):
        ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert read_header(content) == Header(6, 10, True)
    np.testing.assert_array_equal(decode_image(content, Shape(6, 10, 1))[..., 0], ramp(6, 10))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "I"])
def test_gray_modes_are_recognised(mode) -> None:
    image = Image.fromarray(np.full((4, 4), 40, np.uint16)) if mode == "I;16" else Image.new(mode, (4, 4))
    assert read_header(encode(image, "TIFF" if mode == "I" else "PNG")).gray


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA", "CMYK"])
def test_colour_modes_are_recognised(mode) -> None:
    assert not read_header(encode(Image.new(mode, (4, 4)), "TIFF" if mode == "CMYK" else "PNG")).gray


def test_sixteen_bit_gray_keeps_its_upper_byte() -> None:
    samples = np.array([[0, 255, 256], [32767, 32768, 65535]], dtype=np.uint16)
    decoded = decode_image(encode(Image.fromarray(samples)), Shape(2, 3, 1))
    assert decoded[..., 0].tolist() == [[0, 0, 1], [127, 128, 255]]


def test_transparent_pixels_show_white() -> None:
    rgba = np.zeros((2, 2, 4), dtype=np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    decoded = decode_image(encode(Image.fromarray(rgba)), Shape(2, 2, 3))
    assert decoded[0, 0].tolist() == [10, 20, 30]
    assert (decoded.reshape(4, 3)[1:] == 255).all()


@pytest.mark.parametrize("transparency", [None, 0, b"\x00\xff"])
def test_palettes_become_their_colours(transparency) -> None:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([1, 2, 3, 200, 100, 50])
    content = encode(image) if transparency is None else encode(image, transparency=transparency)
    assert decode_image(content, Shape(2, 2, 3)).reshape(4, 3).tolist() == [[200, 100, 50]] * 4


def test_cmyk_becomes_rgb() -> None:
    content = encode(Image.new("CMYK", (2, 2), (0, 255, 255, 0)), "TIFF")
    assert decode_image(content, Shape(2, 2, 3)).reshape(4, 3).tolist() == [[255, 0, 0]] * 4


def test_gray_images_become_three_equal_channels_among_coloured_ones() -> None:
    decoded = decode_image(encode(ramp(4, 4)), Shape(4, 4, 3))
    assert (decoded == np.asarray(ramp(4, 4))[..., None]).all()


@pytest.mark.parametrize("seed", range(4))
def test_resizing_is_one_resampling_of_the_largest_box_about_the_centre(seed) -> None:
    rng = np.random.default_rng(seed)
    for number in range(25):
        height, width, *shape = (int(each) for each in rng.integers([1, 1, 4, 4], [300, 300, 70, 70]))
        shape = Shape(shape[0], shape[0] if number % 2 else shape[1], 3)
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        scale = min(width / shape.width, height / shape.height)
        left, top = max((width - scale * shape.width) / 2, 0.0), max((height - scale * shape.height) / 2, 0.0)
        box = (left, top, width - left, height - top)
        wanted = image.resize((shape.width, shape.height), Image.Resampling.LANCZOS, box=box)
        np.testing.assert_array_equal(decode_image(encode(image), shape), wanted)


@pytest.mark.parametrize(("height", "width"), [(20, 60), (60, 20), (200, 600)])
def test_resizing_fills_the_square_from_the_centre(height, width) -> None:
    image = np.zeros((height, width, 3), dtype=np.uint8)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image[top : top + side, left : left + side] = (0, 200, 0)
    image[image[..., 1] == 0] = (255, 0, 0)
    decoded = decode_image(encode(Image.fromarray(image)), Shape(16, 16, 3))
    # The filter reaches three pixels over the crop, with less weight the farther, so the border takes on some red.
    assert (decoded[3:-3, 3:-3] == (0, 200, 0)).all()
    assert (decoded[..., 1] > 150).all()


def test_a_large_jpeg_decoded_at_reduced_size_looks_like_the_full_one() -> None:
    smooth = ramp(32, 32).resize((512, 512), Image.Resampling.BICUBIC)
    decoded = decode_image(encode(smooth, "JPEG", quality=95), Shape(32, 32, 1))[..., 0]
    exact = np.asarray(smooth.resize((32, 32), Image.Resampling.LANCZOS))
    # JPEG noise and the box filter of the reduced decoding: a few gray levels.
    assert np.abs(decoded.astype(int) - exact).max() <= 6


def test_enlarging_keeps_a_constant_image_constant() -> None:
    assert (decode_image(encode(Image.new("L", (7, 5), 90)), Shape(64, 64, 1)) == 90).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"class,label\n1,2\n", "not an image of a known format"),
        (encode(ramp(64, 64), "JPEG")[:700], "truncated"),
        (encode(ramp(64, 64))[:71], "truncated"),
        (encode(ramp(64, 64))[:50] + bytes(51), "broken|truncated"),
    ],
)
def test_damaged_content_is_broken_and_the_reason_given(content, reason) -> None:
    with pytest.raises(BrokenImageError, match=reason):
        decode_image(content, Shape(8, 8, 1))


def test_an_empty_file_is_called_empty(tmp_path) -> None:
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(BrokenImageError, match="it is empty"):
        read_header(tmp_path / "x.png")


@pytest.mark.parametrize("side", [9500, 14000])
def test_decompression_bombs_are_refused_by_their_header(side) -> None:
    # A header that promises many pixels and brings none; Pillow warns at the first size and raises at the second.
    with pytest.raises(BrokenImageError, match="more than 89 million pixels"):
        read_header(b"P5 %d %d 255\n" % (side, side))


def test_the_pixel_limit_holds_where_pillows_is_lifted(monkeypatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    monkeypatch.setattr(pixels, "MAX_PIXELS", 15)
    with pytest.raises(BrokenImageError, match="pixels"):
        decode_image(encode(ramp(4, 4)), Shape(4, 4, 1))
