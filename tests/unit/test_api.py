"""What the verbs do beyond their steps."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from dartboard import api
from dartboard.errors import DeviceMemoryError, SettingsError
from dartboard.supernet.forms import describe_form


def test_too_little_device_memory_is_told_in_a_sentence(
    tmp_path: Path, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(_session: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(api, "choose_genotype", exhausted)
    with pytest.raises(DeviceMemoryError, match=r"memory of cpu .* is too small .* lower search\.batch_size"):
        api.search(image_folder, {"data.cache": False}, out=tmp_path / "run")


def test_a_rule_without_several_seeds_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"best-short-train has nothing to choose from; .* --seeds 4"):
        api.run(tmp_path / "absent", {"choose": "best-short-train"}, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_spaces_tell_how_the_fast_engine_runs_their_operations_at_every_stride_they_have() -> None:
    told = {entry["name"]: entry["fast engine"] for entry in api.spaces()}
    assert told["darts"]["sep_conv_3x3"] == {"stride 1": "folded", "stride 2": "folded"}
    assert told["darts"]["skip_connect"] == {"stride 1": "shared", "stride 2": "plain"}
    assert told["darts"]["max_pool_3x3"] == {"stride 1": "shared", "stride 2": "shared"}
    assert told["nas-bench-201"]["skip_connect"] == {"stride 1": "shared"}
    for entry in api.spaces():
        assert list(entry["fast engine"]) == entry["operations"]


def test_a_form_without_a_word_is_called_by_its_name() -> None:
    class Winograd(NamedTuple):
        kernel: int

    assert describe_form(Winograd(3)) == "winograd"


def test_asking_for_spaces_draws_no_random_number() -> None:
    before = torch.get_rng_state()
    api.spaces()
    assert torch.equal(torch.get_rng_state(), before)
