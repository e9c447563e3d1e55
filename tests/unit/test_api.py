"""What the verbs do beyond their steps."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from dartboard import api
from dartboard.errors import DeviceMemoryError, SettingsError
from dartboard.runs import Observer
from dartboard.supernet.forms import describe_form
from dartboard.workflow import making


def test_too_little_device_memory_is_told_in_a_sentence(
    tmp_path: Path, image_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(_session: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(making, "choose_genotype", exhausted)
    with pytest.raises(DeviceMemoryError, match=r"memory of cpu .* is too small .* lower search\.batch_size"):
        api.search(image_folder, {"data.cache": False}, out=tmp_path / "run")


def test_a_rule_without_several_seeds_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"best-short-train has only one search to choose from; .* --seeds 4"):
        api.run(tmp_path / "absent", {"choose": "best-short-train"}, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


class Notes(Observer):
    """Keeps the sentences."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def note(self, sentence: str) -> None:
        self.heard.append(sentence)


def test_a_run_without_test_images_trains_its_network_and_says_that_it_is_not_tested(tmp_path: Path) -> None:
    layer = {
        "preset": "smoke",
        "device": "cpu",
        "baselines": True,
        "data": {"max_train_images": 60, "test_fraction": 0},
        "search": {"epochs": 1, "steps_per_epoch": 1},
        "train.epochs": 1,
    }
    watching = Notes()
    result = api.run(None, layer, out=tmp_path / "run", observer=watching)
    assert (result.dataset.test, result.dataset.train + result.dataset.validation) == (0, 60)
    assert (result.test_accuracy, result.baselines) == (None, {})
    assert result.validation_accuracy is not None
    assert "evaluation" not in result.seconds
    assert watching.heard[-1] == "There are no test images, so networks cannot be compared and no baseline is trained."
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "No images were set aside for a test (data.test_fraction=0), so no test accuracy can be given." in page
    assert "is not tested: no images were set aside for a test" in page
    network = tmp_path / "run" / "model.safetensors"
    written = network.stat().st_mtime_ns
    assert api.run(None, layer, out=tmp_path / "run", resume=True) == result
    assert network.stat().st_mtime_ns == written


def test_a_run_goes_on_from_a_finished_search_without_test_images(tmp_path: Path) -> None:
    layer = {"preset": "smoke", "device": "cpu", "data": {"max_train_images": 60, "test_fraction": 0}}
    short = {"search": {"epochs": 1, "steps_per_epoch": 1}, "train.epochs": 1}
    api.search(None, layer, short, out=tmp_path / "run")
    assert not (tmp_path / "run" / "model.json").exists()
    api.run(None, layer, short, out=tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "model.json").exists()


def test_spaces_tell_how_the_fast_engine_runs_their_operations_at_every_stride_they_have() -> None:
    told = {entry["name"]: entry["fast engine"] for entry in api.list_spaces()}
    assert told["darts"]["sep_conv_3x3"] == {"stride 1": "folded", "stride 2": "folded"}
    assert told["darts"]["skip_connect"] == {"stride 1": "shared", "stride 2": "folded"}
    assert told["darts"]["max_pool_3x3"] == {"stride 1": "shared", "stride 2": "shared"}
    assert told["nas-bench-201"]["skip_connect"] == {"stride 1": "shared"}
    for entry in api.list_spaces():
        assert list(entry["fast engine"]) == entry["operations"]


def test_a_form_without_a_word_is_called_by_its_name() -> None:
    class Winograd(NamedTuple):
        kernel: int

    assert describe_form(Winograd(3)) == "winograd"


def test_asking_for_spaces_draws_no_random_number() -> None:
    before = torch.get_rng_state()
    api.list_spaces()
    assert torch.equal(torch.get_rng_state(), before)
