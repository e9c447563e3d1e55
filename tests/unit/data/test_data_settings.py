import pytest

from dartboard.config import resolve
from dartboard.data import AugmentSettings, DataSettings
from dartboard.errors import SettingsError


@pytest.mark.parametrize(
    ("cls", "key", "value"),
    [
        (DataSettings, "image_size", 4),
        (DataSettings, "validation_fraction", 0.6),
        (DataSettings, "test_fraction", -0.1),
        (DataSettings, "max_train_images", 0),
        (DataSettings, "memory_mib", -1),
        (DataSettings, "workers", -1),
        (AugmentSettings, "min_scale", 0.0),
        (AugmentSettings, "cutout", -1),
        (AugmentSettings, "crop_padding", -1),
    ],
)
def test_values_out_of_range_are_refused_by_name(cls, key, value) -> None:
    with pytest.raises(SettingsError, match=key):
        resolve(cls, {key: value})


@pytest.mark.parametrize("cls", [DataSettings, AugmentSettings])
def test_every_setting_is_described(cls) -> None:
    assert all(field.description for field in cls.model_fields.values())
