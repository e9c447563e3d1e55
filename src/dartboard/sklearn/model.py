"""A trained network that can be pickled: as data, and never as code."""

from pathlib import Path
from typing import Any

from dartboard.runs import read_json
from dartboard.training import load_model, rebuild_model

__all__ = ["PortableModel"]


class PortableModel:
    """The network of a run with the description that rebuilds it, independent of the run directory.

    Pickled, it is the content of `model.json` and the bytes of `model.safetensors`.

    Args:
        folder: the run directory.

    Raises:
        DartboardError: it holds no whole model.
    """

    def __init__(self, folder: Path) -> None:
        self.network, self.card = load_model(folder)
        self._state = {
            "description": read_json(folder / "model.json"),
            "weights": (folder / "model.safetensors").read_bytes(),
        }

    def __getstate__(self) -> dict[str, Any]:
        return self._state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild the network; raises CheckpointError when the pickled contents do not belong together."""
        self._state = state
        self.network, self.card = rebuild_model(state["description"], state["weights"])
