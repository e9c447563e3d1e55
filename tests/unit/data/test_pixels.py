import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from dartboard.data import opening
from dartboard.data.opening import BrokenImageError, Header
from dartboard.data.pixels import as_picture, decode_image, read_deep_values, read_header
from dartboard.data.reading import Reading


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
    assert read_header(content) == Header(6, 10, 1)
    np.testing.assert_array_equal(decode_image(content, Reading(6, 10, 1))[..., 0], upright)


def test_an_image_is_turned_though_other_notes_of_its_camera_are_damaged() -> None:
    # Little-endian notes of two entries: orientation 6, and a resolution unit that is text and not a number.
    turned, unit = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0), struct.pack("<HHI4s", 0x0128, 2, 4, b"abc")
    notes = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + turned + unit + struct.pack("<I", 0)
    content = encode(Image.fromarray(np.ascontiguousarray(np.asarray(ramp(6, 10)).T[::-1])), exif=notes)
    with pytest.raises(struct.error):
        ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert read_header(content) == Header(6, 10, 1)
    np.testing.assert_array_equal(decode_image(content, Reading(6, 10, 1))[..., 0], ramp(6, 10))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "I"])
def test_gray_modes_are_recognised(mode) -> None:
    image = Image.fromarray(np.full((4, 4), 40, np.uint16)) if mode == "I;16" else Image.new(mode, (4, 4))
    assert read_header(encode(image, "TIFF" if mode == "I" else "PNG")).channels == 1


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA", "CMYK"])
def test_colour_modes_are_recognised(mode) -> None:
    assert read_header(encode(Image.new(mode, (4, 4)), "TIFF" if mode == "CMYK" else "PNG")).channels == 3


def test_sixteen_bit_gray_is_scaled_by_its_range_or_by_all_of_sixteen_bits() -> None:
    samples = np.array([[0, 255, 257], [32767, 32768, 65535]], dtype=np.uint16)
    content = encode(Image.fromarray(samples))
    assert read_header(content) == Header(2, 3, 1, "uint16")
    assert decode_image(content, Reading(2, 3, 1))[..., 0].tolist() == [[0, 1, 1], [127, 128, 255]]
    narrow = Reading(2, 3, 1, ranges=((0.0, 510.0),))
    assert decode_image(content, narrow)[..., 0].tolist() == [[0, 128, 128], [255, 255, 255]]


def png_of_16_bits(values: np.ndarray) -> bytes:
    """A PNG file by the letter of its standard, since Pillow writes none of more than one channel of 16 bits."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, channels = values.shape
    colours = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_colours_of_16_bits_keep_both_bytes() -> None:
    values = np.random.default_rng(0).integers(0, 2**12, (5, 7, 3)).astype(np.uint16)
    content = png_of_16_bits(values)
    assert read_header(content) == Header(5, 7, 3, "uint16")
    np.testing.assert_array_equal(read_deep_values(content, 3), values)
    opaque = np.concatenate([values, np.full((5, 7, 1), 65535, np.uint16)], axis=2)
    np.testing.assert_array_equal(read_deep_values(png_of_16_bits(opaque), 3), values)
    opaque[2, 3, 3] = 0
    assert (read_deep_values(png_of_16_bits(opaque), 3)[2, 3] == 65535).all()
    with pytest.raises(BrokenImageError, match="gray of 16 bits with transparency"):
        read_header(png_of_16_bits(values[..., :2]))


def tiff(values: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


def numpy_file(values: np.ndarray, **more: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    if more:
        np.savez(buffer, values=values, **more)
    else:
        np.save(buffer, values)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("channels", [2, 3, 4, 12, 13])
def test_values_of_every_kind_and_number_of_channels_are_read_as_they_were_written(kind, channels) -> None:
    values = (100 * np.random.default_rng(1).random((19, 16, channels))).astype(kind)
    first = np.moveaxis(values, 2, 0)
    contents = [
        values,
        numpy_file(values),
        numpy_file(first),
        tiff(first, photometric="minisblack"),
        tiff(first, photometric="minisblack", metadata=None),
        tiff(values, photometric="minisblack", planarconfig="contig"),
    ]
    for content in contents:
        header = read_header(content)
        assert header[:4] == (19, 16, channels, kind)
        assert header.unread == 0
        if kind == "uint8":
            np.testing.assert_array_equal(decode_image(content, Reading(19, 16, channels)), values)
        else:
            np.testing.assert_array_equal(read_deep_values(content, channels), values)


@pytest.mark.parametrize("shape", [(9, 9, 200), (8, 8, 12), (1, 20, 3), (20, 1, 3), (1, 20, 1)])
def test_arrays_with_channels_last_are_not_turned_where_these_are_many_or_the_image_is_one_pixel_high(shape) -> None:
    values = np.random.default_rng(7).integers(0, 256, shape).astype(np.uint8)
    assert read_header(numpy_file(values))[:3] == shape
    np.testing.assert_array_equal(decode_image(numpy_file(values), Reading(*shape)), values)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_a_single_gray_page_is_one_channel(kind) -> None:
    values = (200 * np.random.default_rng(2).random((9, 6))).astype(kind)
    for content in (tiff(values), numpy_file(values), tiff(values, compression="zlib")):
        assert read_header(content) == Header(9, 6, 1, kind)
        reading = Reading(9, 6, 1, ranges=((0.0, 255.0),))
        np.testing.assert_array_equal(decode_image(content, reading)[..., 0], np.rint(values))


def test_pages_of_another_size_and_further_frames_are_counted_as_unread() -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(np.full((9, 6), 7, np.uint8))
        file.write(np.zeros((3, 2), np.uint8))
    assert read_header(buffer.getvalue()) == Header(9, 6, 1, "uint8", 1)
    frames = [Image.new("P", (4, 5), number) for number in range(3)]
    animation = encode(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert read_header(animation).unread == Image.open(io.BytesIO(animation)).n_frames - 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (numpy_file(np.full((4, 4), np.nan)), "not finite"),
        (numpy_file(np.zeros((2, 3, 4, 5))), "shape .2, 3, 4, 5."),
        (numpy_file(np.array(["a", "b"])), "holds <U1"),
        (numpy_file(np.zeros((4, 4)), other=np.zeros(3)), "2 arrays"),
        (numpy_file(np.zeros((4, 4)))[:90], "."),
        (tiff(np.zeros((5, 4, 4), np.uint16), photometric="minisblack")[:40], "."),
        (b"\0\0\0\x18ftypheic" + bytes(40), "install pillow-heif"),
    ],
)
def test_arrays_that_are_no_images_are_broken(content, reason) -> None:
    with pytest.raises(BrokenImageError, match=reason):
        decode_image(content, Reading(4, 4, 1))


def test_images_of_other_channels_than_the_network_has_are_refused_but_for_gray_and_colours() -> None:
    gray, colours = np.full((4, 4, 1), 9, np.uint8), np.full((4, 4, 3), 9, np.uint8)
    assert (decode_image(gray, Reading(4, 4, 3)) == colours).all()
    assert (decode_image(colours, Reading(4, 4, 1)) == gray).all()
    with pytest.raises(BrokenImageError, match="5 channels in place of 3"):
        decode_image(np.zeros((4, 4, 5), np.uint8), Reading(4, 4, 3))
    with pytest.raises(BrokenImageError, match="4 channels in place of 1"):
        decode_image(np.zeros((4, 4, 4), np.uint8), Reading(4, 4, 1))


@pytest.mark.parametrize("channels", [1, 2, 3, 13])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_every_channel_is_fitted_as_a_gray_image_is(fit, channels) -> None:
    values = np.random.default_rng(3).integers(0, 256, (20, 50, channels)).astype(np.uint8)
    found = decode_image(values, Reading(16, 24, channels, fit))
    for channel in range(channels):
        alone = decode_image(encode(Image.fromarray(values[..., channel])), Reading(16, 24, 1, fit))
        np.testing.assert_array_equal(found[..., channel], alone[..., 0])
    # Pillow rounds ordinary images between the two directions, and cuts off there what the filter overshoots.
    smooth = np.repeat(np.asarray(ramp(20, 30))[..., None], channels, axis=2)
    found = decode_image(smooth, Reading(16, 24, channels, fit))
    deep = decode_image(smooth.astype(np.uint16), Reading(16, 24, channels, fit, ((0.0, 255.0),) * channels))
    assert np.abs(deep.astype(int) - found).max() <= 1


def test_padding_keeps_the_whole_image_in_the_middle_of_black() -> None:
    image = Image.new("L", (40, 10), 200)
    padded = decode_image(encode(image), Reading(20, 20, 1, "pad"))[..., 0]
    lit = np.flatnonzero(padded.mean(axis=1))
    assert lit.tolist() == list(range(lit[0], lit[0] + 5))
    assert lit[0] in (7, 8)
    assert (padded[lit] == 200).all()


@pytest.mark.parametrize(("channels", "shown"), [(1, None), (2, (0, 1, None)), (3, (0, 1, 2)), (13, (0, 6, 12))])
def test_pictures_of_many_channels_have_false_colours(channels, shown) -> None:
    image = np.random.default_rng(4).integers(0, 256, (5, 4, channels)).astype(np.uint8)
    picture = np.asarray(as_picture(image))
    if shown is None:
        np.testing.assert_array_equal(picture, image[..., 0])
        return
    for colour, channel in enumerate(shown):
        np.testing.assert_array_equal(picture[..., colour], 0 if channel is None else image[..., channel])


def test_transparent_pixels_show_white() -> None:
    rgba = np.zeros((2, 2, 4), dtype=np.uint8)
    rgba[0, 0] = (10, 20, 30, 255)
    decoded = decode_image(encode(Image.fromarray(rgba)), Reading(2, 2, 3))
    assert decoded[0, 0].tolist() == [10, 20, 30]
    assert (decoded.reshape(4, 3)[1:] == 255).all()


@pytest.mark.parametrize("transparency", [None, 0, b"\x00\xff"])
def test_palettes_become_their_colours(transparency) -> None:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([1, 2, 3, 200, 100, 50])
    content = encode(image) if transparency is None else encode(image, transparency=transparency)
    assert decode_image(content, Reading(2, 2, 3)).reshape(4, 3).tolist() == [[200, 100, 50]] * 4


def test_cmyk_becomes_rgb() -> None:
    content = encode(Image.new("CMYK", (2, 2), (0, 255, 255, 0)), "TIFF")
    assert decode_image(content, Reading(2, 2, 3)).reshape(4, 3).tolist() == [[255, 0, 0]] * 4


def test_gray_images_become_three_equal_channels_among_coloured_ones() -> None:
    decoded = decode_image(encode(ramp(4, 4)), Reading(4, 4, 3))
    assert (decoded == np.asarray(ramp(4, 4))[..., None]).all()


@pytest.mark.parametrize("seed", range(4))
def test_resizing_is_one_resampling_of_the_largest_box_about_the_centre(seed) -> None:
    rng = np.random.default_rng(seed)
    for number in range(25):
        height, width, *shape = (int(each) for each in rng.integers([1, 1, 4, 4], [300, 300, 70, 70]))
        shape = Reading(shape[0], shape[0] if number % 2 else shape[1], 3)
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
    decoded = decode_image(encode(Image.fromarray(image)), Reading(16, 16, 3))
    # The filter reaches three pixels over the crop, with less weight the farther, so the border takes on some red.
    assert (decoded[3:-3, 3:-3] == (0, 200, 0)).all()
    assert (decoded[..., 1] > 150).all()


def test_a_large_jpeg_decoded_at_reduced_size_looks_like_the_full_one() -> None:
    smooth = ramp(32, 32).resize((512, 512), Image.Resampling.BICUBIC)
    decoded = decode_image(encode(smooth, "JPEG", quality=95), Reading(32, 32, 1))[..., 0]
    exact = np.asarray(smooth.resize((32, 32), Image.Resampling.LANCZOS))
    # JPEG noise and the box filter of the reduced decoding: a few gray levels.
    assert np.abs(decoded.astype(int) - exact).max() <= 6


def test_enlarging_keeps_a_constant_image_constant() -> None:
    assert (decode_image(encode(Image.new("L", (7, 5), 90)), Reading(64, 64, 1)) == 90).all()


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
        decode_image(content, Reading(8, 8, 1))


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
    monkeypatch.setattr(opening, "MAX_PIXELS", 15)
    with pytest.raises(BrokenImageError, match="pixels"):
        decode_image(encode(ramp(4, 4)), Reading(4, 4, 1))


TURNED = {
    1: lambda values: values,
    2: np.fliplr,
    3: lambda values: np.rot90(values, 2),
    4: np.flipud,
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: np.rot90(values, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""Orientation of a camera's notes -> the image as it is meant to be seen."""


@pytest.mark.parametrize("orientation", TURNED)
def test_tiff_files_that_pillow_does_not_read_are_turned_as_others_are(orientation: int) -> None:
    values = np.random.default_rng(orientation).integers(0, 2**16, (4, 6, 3)).astype(np.uint16)
    notes = [(274, "H", 1, orientation, True)]
    contents = {
        "colours of 16 bits": tiff(values, photometric="rgb", extratags=notes),
        "pages": tiff(np.moveaxis(values, 2, 0), photometric="minisblack", extratags=notes),
        "colours of 8 bits": tiff(values.astype(np.uint8), photometric="rgb", extratags=notes),
    }
    for kind, content in contents.items():
        wanted = TURNED[orientation](values if "8" not in kind else values.astype(np.uint8))
        assert read_header(content)[:3] == wanted.shape, kind
        if "8" in kind:
            np.testing.assert_array_equal(decode_image(content, Reading(*wanted.shape)), wanted)
        else:
            np.testing.assert_array_equal(read_deep_values(content, 3), wanted, kind)


def test_values_that_pillow_has_no_type_for_keep_their_sign_and_size() -> None:
    low = np.array([[-128, -1, 0], [1, 100, 127]], dtype=np.int8)
    high = np.array([[0, 1, 2**31 - 1], [2**31, 2**31 + 1, 2**32 - 1]], dtype=np.uint32)
    for values in (low, high):
        assert read_header(tiff(values)) == Header(2, 3, 1, values.dtype.name)
        np.testing.assert_array_equal(read_deep_values(tiff(values), 1)[..., 0], values)


@pytest.mark.parametrize("pages", [1, 2])
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_scans_whose_zero_is_white_are_no_negatives(kind: str, pages: int) -> None:
    values = np.random.default_rng(2).integers(0, 256, (pages, 5, 6)).astype(kind)
    negative = np.iinfo(kind).max - values
    content, wanted = tiff(negative, photometric="miniswhite"), np.moveaxis(values, 0, 2)
    if kind == "uint8":
        np.testing.assert_array_equal(decode_image(content, Reading(5, 6, pages)), wanted)
    else:
        np.testing.assert_array_equal(read_deep_values(content, pages), wanted)


def test_a_tiff_file_without_pixels_is_told_as_such() -> None:
    with pytest.raises(BrokenImageError, match="complex64; an image has rows and columns of whole or decimal numbers"):
        read_header(tiff(np.ones((4, 4), np.complex64)))
