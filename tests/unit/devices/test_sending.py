import pytest
import torch

from dartboard.devices.sending import send


class Watched(torch.Tensor):
    """Keeps how it was asked to move, and stays."""

    def to(self, **asked: object) -> "Watched":  # type: ignore[override]
        self.asked = asked
        return self


@pytest.mark.parametrize(("kind", "waits"), [("mps", True), ("cuda", False), ("cpu", False)])
def test_only_a_device_that_reads_the_host_later_is_waited_for(kind: str, waits: bool) -> None:
    sent = send(torch.zeros(2).as_subclass(Watched), torch.device(kind))
    assert isinstance(sent, Watched)
    assert sent.asked == {"device": torch.device(kind), "dtype": None, "non_blocking": not waits}


def test_numbers_are_converted_on_the_way_and_stay_where_they_are() -> None:
    given = torch.tensor([1.5, 2.0], dtype=torch.float64)
    assert send(given, given.device) is given
    assert send(given, given.device, torch.float32).dtype == torch.float32
