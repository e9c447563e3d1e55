import os
import threading
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from dartboard.data import Augmentation, AugmentSettings, Batches, ImageSet, ImageView, Normalization, batches
from dartboard.data.rowfile import RowFile
from dartboard.errors import DataError

PIXEL_VALUES = Normalization((0.0,), (1 / 255,))
STILL = AugmentSettings(flip=False, crop_padding=0)


def view(count: int, chosen: list[int] | None = None) -> ImageView:
    """Image i is all i, and so is its label."""
    images = np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(4, axis=1).repeat(4, axis=2)
    indices = np.array(range(count) if chosen is None else chosen, dtype=np.int64)
    return ImageView(ImageSet(images, np.arange(count, dtype=np.int64)), indices)


def make(images: ImageView, batch_size: int, settings: AugmentSettings = STILL) -> Batches:
    augmentation = Augmentation(settings, PIXEL_VALUES, (1, 4, 4))
    return Batches(images, augmentation, batch_size=batch_size, device="cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def labels(stream) -> list[list[int]]:
    return [batch.labels.tolist() for batch in stream]


def flat_labels(stream) -> list[int]:
    return [label for batch in labels(stream) for label in batch]


@pytest.fixture(params=["resident", "gathered"])
def place(request, monkeypatch) -> None:
    """Once with the images on the device, once with every batch gathered on the host."""
    if request.param == "gathered":
        monkeypatch.setattr(batches, "RESIDENT_BELOW_BYTES", 0)


def test_in_order_gives_every_image_once_in_the_views_order(place) -> None:
    made = make(view(10, [7, 3, 5, 1, 0]), 2, AugmentSettings(cutout=2))
    assert labels(made.in_order()) == [[7, 3], [5, 1], [0]]
    assert labels(made.in_order(batch_size=4)) == [[7, 3, 5, 1], [0]]
    for batch in made.in_order():
        assert batch.labels.dtype == torch.int64
        assert (batch.images.round() == batch.labels[:, None, None, None]).all()


@pytest.mark.parametrize("skipped", [0, 1, 2, 3])
def test_batches_behind_skipped_ones_are_those_of_the_whole_epoch(place, skipped: int) -> None:
    made = make(view(13), 4, AugmentSettings(crop_padding=2, cutout=2))
    whole, rest = list(made.epoch(generator())), list(made.epoch(generator(), skipped=skipped))
    assert len(rest) == len(whole) - skipped
    for one, other in zip(whole[skipped:], rest, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)


def test_an_epoch_shuffles_drops_the_rest_and_keeps_pairs_together(place) -> None:
    made = make(view(11), 4)
    drawn = list(made.epoch(generator()))
    assert len(drawn) == len(made) == 2
    flat = flat_labels(drawn)
    assert len(set(flat)) == 8
    assert flat != sorted(flat)
    for batch in drawn:
        assert batch.images.shape == (4, 1, 4, 4)
        assert (batch.images.round() == batch.labels[:, None, None, None]).all()


def test_the_same_seed_gives_the_same_batches_wherever_the_images_lie(monkeypatch) -> None:
    chosen = AugmentSettings(flip=True, crop_padding=2, cutout=2)

    def run(seed: int) -> torch.Tensor:
        return torch.cat([batch.images for batch in islice(make(view(11), 4, chosen).forever(generator(seed)), 5)])

    first = run(1)
    assert torch.equal(first, run(1))
    assert not torch.equal(first, run(2))
    monkeypatch.setattr(batches, "RESIDENT_BELOW_BYTES", 0)
    assert torch.equal(first, run(1))


def test_forever_goes_through_one_epoch_after_another_in_new_orders() -> None:
    made = make(view(6), 3)
    drawn = labels(islice(made.forever(generator()), 6))
    epochs = [drawn[0] + drawn[1], drawn[2] + drawn[3], drawn[4] + drawn[5]]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4, 5] for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_batch_size_above_the_number_of_images_is_reduced() -> None:
    made = make(view(5), 64)
    assert (made.batch_size, len(made)) == (5, 1)
    assert sorted(flat_labels(made.epoch(generator()))) == [0, 1, 2, 3, 4]


def test_read_only_mapped_images_are_batched_without_being_touched(tmp_path, place) -> None:
    source = view(8).image_set
    np.save(tmp_path / "images.npy", source.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    made = make(ImageView(ImageSet(mapped, source.labels), np.arange(8)), 4)
    assert sorted(flat_labels(made.epoch(generator()))) == list(range(8))
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), source.images)


def test_an_empty_view_has_no_batches_and_no_endless_stream() -> None:
    made = make(view(3, []), 4)
    assert len(made) == 0
    assert list(made.in_order()) == list(made.epoch(generator())) == []
    with pytest.raises(DataError, match="no images to draw batches from"):
        next(made.forever(generator()))


def test_a_batch_size_of_zero_is_refused() -> None:
    with pytest.raises(DataError, match="batch_size of 1 or more"):
        make(view(3), 0)


def test_enlarged_batches_hold_more_of_the_same_images_as_far_as_there_are_any(place) -> None:
    small = make(view(10), 3)
    larger = small.enlarged(2)
    assert [len(own) for own in labels(larger.epoch(generator()))] == [5, 5]
    assert sorted(flat_labels(larger.epoch(generator()))) == list(range(10))
    assert len(larger) == 2
    assert small.enlarged(99).batch_size == 10
    assert (small.batch_size, len(small)) == (3, 3)


def lopsided(counts: list[int]) -> ImageView:
    classes = np.repeat(np.arange(len(counts)), counts)
    images = np.arange(len(classes), dtype=np.uint8)[:, None, None, None].repeat(4, axis=1).repeat(4, axis=2)
    return ImageView(ImageSet(images, classes.astype(np.int64)), np.random.default_rng(0).permutation(len(classes)))


def test_balanced_batches_draw_classes_equally_often_and_each_image_of_a_class_too() -> None:
    augmentation = Augmentation(STILL, PIXEL_VALUES, (1, 4, 4))
    made = Batches(lopsided([2, 0, 18]), augmentation, batch_size=20, device="cpu", balanced=True)
    stream, drawn, classes = made.forever(generator()), np.zeros(20), np.zeros(3)
    for batch in islice(stream, 500):
        values = batch.images[:, 0, 0, 0].round().long().numpy()
        np.testing.assert_array_equal(np.where(values < 2, 0, 2), batch.labels.numpy())
        np.add.at(drawn, values, 1)
        np.add.at(classes, batch.labels.numpy(), 1)
    # 10,000 draws: the deviation of a class is 50, that of an image of the large class 17; five of them are allowed.
    assert classes[1] == 0
    assert abs(classes[0] - 5000) < 250
    assert np.abs(drawn[:2] - 2500).max() < 5 * 50
    assert np.abs(drawn[2:] - 5000 / 18).max() < 5 * 17


def test_balanced_batches_repeat_with_the_seed_and_are_as_many_as_before() -> None:
    augmentation = Augmentation(STILL, PIXEL_VALUES, (1, 4, 4))
    made = Batches(lopsided([3, 8]), augmentation, batch_size=4, device="cpu", balanced=True)
    assert labels(made.epoch(generator(1))) == labels(made.epoch(generator(1)))
    assert labels(made.epoch(generator(1))) != labels(made.epoch(generator(2)))
    assert len(labels(made.epoch(generator()))) == len(made) == 2


def test_images_without_labels_come_in_order_and_are_refused_for_training() -> None:
    source = view(5)
    made = make(ImageView(ImageSet(source.image_set.images, None), source.indices), 2)
    seen = [value for images in made.images_in_order() for value in images[:, 0, 0, 0].round().int().tolist()]
    assert seen == [0, 1, 2, 3, 4]
    with pytest.raises(DataError, match="no labels"):
        next(made.epoch(generator()))


VARIED = AugmentSettings(flip=True, crop_padding=2, min_scale=1.0, cutout=2)


def on_disk(images: ImageView, folder: Path) -> ImageView:
    """The same view of a file."""
    shape = images.image_set.images.shape
    file = RowFile.create_nameless(folder, shape)
    file[0] = images.image_set.images
    file.finish([])
    return ImageView(ImageSet(file.images, images.image_set.labels, file=file), images.indices)


def everything(made: Batches) -> list[torch.Tensor]:
    """What all iterators give, and what is left of the generators that they drew from."""
    seen: list[torch.Tensor] = []
    for stream in (
        made.epoch,
        lambda drawn: islice(made.epoch(drawn), 1),
        lambda drawn: islice(made.forever(drawn), 7),
        lambda drawn: made.enlarged(1).epoch(drawn),
        lambda _: made.in_order(),
        lambda _: islice(made.in_order(5), 2),
    ):
        drawn = generator(3)
        for batch in stream(drawn):
            seen += [batch.images, batch.labels]
        seen.append(drawn.get_state())
    return [*seen, *made.images_in_order()]


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("where", ["memory", "mapping", "file"])
@pytest.mark.parametrize("workers", [None, 0, 1, 2, 5])
def test_batches_do_not_depend_on_where_images_lie_or_who_reads_them(tmp_path, balanced, where, workers) -> None:
    source = view(11, [7, 3, 5, 1, 0, 10, 2, 2, 9])
    other = source if where == "memory" else on_disk(source, tmp_path)
    if where == "mapping":
        other = ImageView(replace(other.image_set, file=None), other.indices)
    augmentation = Augmentation(VARIED, PIXEL_VALUES, (1, 4, 4))
    plain = Batches(source, augmentation, batch_size=2, device="cpu", balanced=balanced)
    read = Batches(other, augmentation, batch_size=2, device="cpu", balanced=balanced, memory_mib=0, workers=workers)
    assert (plain._resident is None, read._resident is None) == (False, True)
    for first, second in zip(everything(plain), everything(read), strict=True):
        assert torch.equal(first, second)
        assert first.stride() == second.stride()
        assert first.dtype == second.dtype


def test_images_on_disk_are_kept_in_memory_where_they_may_be(tmp_path) -> None:
    augmentation = Augmentation(VARIED, PIXEL_VALUES, (1, 4, 4))
    source = view(11)
    plain, kept = (
        Batches(images, augmentation, batch_size=2, device="cpu") for images in (source, on_disk(source, tmp_path))
    )
    assert kept._resident is not None
    for first, second in zip(everything(plain), everything(kept), strict=True):
        assert torch.equal(first, second)


def test_a_machine_with_little_memory_keeps_less_on_the_cpu(monkeypatch) -> None:
    pages = {"SC_PHYS_PAGES": 8 * 10, "SC_PAGE_SIZE": 16}
    monkeypatch.setattr(batches.os, "sysconf", pages.__getitem__)
    assert make(view(9), 4)._resident is not None
    assert make(view(10), 4)._resident is None


def threads_ahead() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dartboard-ahead")]


@pytest.mark.parametrize("stream", ["epoch", "forever", "in_order", "images_in_order"])
def test_abandoned_iterators_leave_no_thread(tmp_path, stream) -> None:
    augmentation = Augmentation(VARIED, PIXEL_VALUES, (1, 4, 4))
    made = Batches(on_disk(view(11), tmp_path), augmentation, batch_size=2, device="cpu", memory_mib=0, workers=2)
    begin = getattr(made, stream)
    arguments = [generator()] if stream in ("epoch", "forever") else []
    running = begin(*arguments)
    assert threads_ahead() == []
    next(running)
    assert threads_ahead() != []
    del running
    assert threads_ahead() == []
    for _ in islice(begin(*arguments), 2):
        assert threads_ahead() != []
    assert threads_ahead() == []


def test_a_disk_that_fails_in_a_thread_is_reported_to_the_caller(tmp_path, monkeypatch) -> None:
    augmentation = Augmentation(VARIED, PIXEL_VALUES, (1, 4, 4))
    made = Batches(on_disk(view(11), tmp_path), augmentation, batch_size=2, device="cpu", memory_mib=0, workers=2)

    def failing(*arguments: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "preadv", failing)
    with pytest.raises(DataError, match="cannot be read: Input/output error"):
        next(made.epoch(generator()))
    assert threads_ahead() == []
