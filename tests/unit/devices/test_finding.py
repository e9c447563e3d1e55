import pytest
import torch

from dartboard.devices import device_name, find_device
from dartboard.errors import SettingsError
from dartboard.wording import count


def test_the_cpu_is_always_there() -> None:
    assert find_device("cpu") == torch.device("cpu")
    assert device_name(torch.device("cpu")) == f"cpu ({count(torch.get_num_threads(), 'thread')})"


def test_one_thread_is_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for threads, told in ((1, "cpu (1 thread)"), (2, "cpu (2 threads)")):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert device_name(torch.device("cpu")) == told


def test_auto_takes_the_accelerator_if_there_is_one() -> None:
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    assert find_device("auto") == found


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "cpu,cuda"])
def test_what_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"'{name}' is not a device; use auto, cpu, cuda, cuda:N or mps"):
        find_device(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps", "meta"])
def test_an_absent_device_is_refused_with_those_that_are_there(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(SettingsError, match=rf"the device '{name}' is not available here; available: cpu\."):
        find_device(name)
