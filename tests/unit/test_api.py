"""What the verbs do beyond their steps."""

from pathlib import Path

import pytest
import torch

from dartboard import api
from dartboard.errors import DeviceMemoryError


def test_too_little_device_memory_is_told_in_a_sentence(
    tmp_path: Path, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(_session: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(api, "search_genotype", exhausted)
    with pytest.raises(DeviceMemoryError, match=r"memory of cpu .* is too small .* lower search\.batch_size"):
        api.search(image_folder, {"data.cache": False}, out=tmp_path / "run")
