"""Images in, batches out: reading datasets, dividing them, and augmented batches on the device."""

from dartboard.data.augmentation import (
    PHOTOGRAPH_SIDE,
    Augmentation,
    Draws,
    Normalization,
    measure_normalization,
    outside_squares,
    resolve_augmentation,
)
from dartboard.data.batches import Batch, Batches
from dartboard.data.cache import DECODER, CacheEntry, cache_entries, cache_root, remove_entry
from dartboard.data.check import DataCheck, Duplicate, Finding, FindingKind, check_dataset, is_set
from dartboard.data.data_settings import AugmentSettings, DataSettings
from dartboard.data.dataset import Dataset, ImageSet
from dartboard.data.description import DatasetDescription, describe_dataset, draw_contact_sheet
from dartboard.data.first_look import DataLook, look_at_dataset
from dartboard.data.given import ARRAYS_PREFIX, Data, given_arrays, recorded_source
from dartboard.data.loading import GivenImages, load_dataset, load_images
from dartboard.data.pixels import as_picture
from dartboard.data.reading import Fit, Ranges, Reading
from dartboard.data.sources import HUB_PREFIX, ArrayData, SourceIndex, label_text
from dartboard.data.sources.objects import Images, index_objects
from dartboard.data.splits import ImageView, Part, Splits, make_splits

__all__ = [
    "ARRAYS_PREFIX",
    "DECODER",
    "HUB_PREFIX",
    "PHOTOGRAPH_SIDE",
    "ArrayData",
    "AugmentSettings",
    "Augmentation",
    "Batch",
    "Batches",
    "CacheEntry",
    "Data",
    "DataCheck",
    "DataLook",
    "DataSettings",
    "Dataset",
    "DatasetDescription",
    "Draws",
    "Duplicate",
    "Finding",
    "FindingKind",
    "Fit",
    "GivenImages",
    "ImageSet",
    "ImageView",
    "Images",
    "Normalization",
    "Part",
    "Ranges",
    "Reading",
    "SourceIndex",
    "Splits",
    "as_picture",
    "cache_entries",
    "cache_root",
    "check_dataset",
    "describe_dataset",
    "draw_contact_sheet",
    "given_arrays",
    "index_objects",
    "is_set",
    "label_text",
    "load_dataset",
    "load_images",
    "look_at_dataset",
    "make_splits",
    "measure_normalization",
    "outside_squares",
    "recorded_source",
    "remove_entry",
    "resolve_augmentation",
]
