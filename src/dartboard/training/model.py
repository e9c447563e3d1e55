"""A trained network on disk: its weights as safetensors, and a description to rebuild the network and feed it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import safetensors
import safetensors.torch
import torch
from pydantic import Field, ValidationError
from torch import Tensor

from dartboard.config import Settings
from dartboard.data import Fit, Normalization, Ranges, Reading
from dartboard.errors import CheckpointError, DartboardError
from dartboard.runs import first_fault, read_json, write_atomically, write_json
from dartboard.space import Genotype, Network, NetworkPlan, Stem, check_genotype, get_space
from dartboard.wording import count, listing

__all__ = ["ModelCard", "load_model", "rebuild_model", "save_model"]

FORMAT = 1
_REMEDY = "restore it, or train the network again."
Positive = Annotated[int, Field(gt=0)]


class ModelCard(Settings):
    """The content of `model.json`: how to build the network and how to feed it."""

    format: Annotated[int, Field(ge=1)] = FORMAT
    """Version of the layout of this file."""

    genotype: dict[str, Any]
    """The architecture, as in genotype.json."""

    init_channels: Positive
    """Width of the first cells."""

    layers: Annotated[int, Field(gt=0, le=1000)]
    """Number of cells (in NAS-Bench-201: of each stage)."""

    stem: Stem
    """First layers of the network, for small or large images (`NetworkPlan.stem`)."""

    classes: tuple[str, ...]
    """Class names in the order of the outputs."""

    image_shape: tuple[Positive, Positive, Positive]
    """(channels, height, width) of the images."""

    mean: tuple[float, ...]
    """Mean of each channel of pixel / 255; it is subtracted."""

    std: tuple[float, ...]
    """Standard deviation of each channel of pixel / 255; the difference is divided by it."""

    views: Literal["one", "mirrored"] = "one"
    """Whether the logits are the mean over an image and its mirror image."""

    fit: Fit = "crop"
    """What happens to images of another shape: they are cut, padded or stretched."""

    ranges: Ranges | None = None
    """For each channel the values that became 0 and 255, of images that are not of 8 bits; null where all were."""

    whitens: bool = False
    """Whether whitened 2x2 patches of the images come before the stem (`NetworkPlan.whitens`)."""

    @property
    def normalization(self) -> Normalization:
        """Mean and standard deviation with which images are normalised."""
        return Normalization(self.mean, self.std)

    @property
    def reading(self) -> Reading:
        """How image files must be read."""
        channels, height, width = self.image_shape
        return Reading(height, width, channels, self.fit, self.ranges)

    def plan(self) -> NetworkPlan:
        """Width, depth and classes of the network, as `Network` takes them."""
        return get_space(self.genotype["space"]).plan(
            in_channels=self.image_shape[0],
            num_classes=len(self.classes),
            init_channels=self.init_channels,
            layers=self.layers,
            stem=self.stem,
            image_size=self.image_shape[1:],
            whitens=self.whitens,
        )

    def build(self, *, auxiliary: bool = False) -> Network:
        """The network with initial weights from torch's global generator, which `seeded_initialization` seeds."""
        genotype = Genotype.from_json(self.genotype)
        mirrors = self.views == "mirrored"
        return Network(get_space(genotype.space), genotype, self.plan(), auxiliary=auxiliary, mirrors=mirrors)


def save_model(folder: Path, network: Network, card: ModelCard) -> None:
    """Write `model.safetensors` and `model.json`; the auxiliary head is left out, since only training uses it.

    The metadata of `model.safetensors` hold `classes` and `preprocessing` as JSON, so that the file alone tells what
    its outputs mean and how it is fed.

    Raises:
        RunDirectoryError: a file cannot be written.
    """
    weights = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.startswith("auxiliary_head.")
    }
    content = _in_order(safetensors.torch.save(weights, metadata=_metadata(card)))
    write_atomically(folder / "model.safetensors", lambda stream: stream.write(content))
    write_json(folder / "model.json", card.model_dump(mode="json"))


def _metadata(card: ModelCard) -> dict[str, str]:
    fed = ("image_shape", "fit", "ranges", "mean", "std", "views")
    plain = card.model_dump(mode="json")
    return {
        "format": "pt",
        "classes": json.dumps(plain["classes"]),
        "preprocessing": json.dumps({name: plain[name] for name in fed}),
    }


def _in_order(content: bytes) -> bytes:
    """The content of a safetensors file with its metadata sorted by name; the package writes them in a random order.

    The file begins with the length of its header, 8 bytes, and the header, JSON that spaces fill up to 8 bytes.
    """
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    plain = json.dumps(header, separators=(",", ":")).encode()
    plain += b" " * (-len(plain) % 8)
    return len(plain).to_bytes(8, "little") + plain + content[8 + length :]


def load_model(folder: Path) -> tuple[Network, ModelCard]:
    """Rebuild a trained network from a run directory, in evaluation mode on the CPU; no code is executed.

    Raises:
        RunDirectoryError: the folder holds no trained model.
        CheckpointError: a file is damaged or has another version, or the two files do not belong together.
    """
    description, weights = folder / "model.json", folder / "model.safetensors"
    content = read_json(description)
    try:
        stored = weights.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{weights} cannot be loaded into its network: {error.strerror or error}.") from error
    return rebuild_model(content, stored, names=(str(description), str(weights)))


def rebuild_model(
    description: object,
    weights: bytes,
    *,
    names: tuple[str, str] = ("the description of the model", "the weights of the model"),
) -> tuple[Network, ModelCard]:
    """Rebuild a trained network from the contents of `model.json` and `model.safetensors`; no code is executed.

    Args:
        description: content of `model.json`, as plain data.
        weights: content of `model.safetensors`.
        names: names of the two in error messages.

    Returns:
        The network, in evaluation mode on the CPU, and its description.

    Raises:
        CheckpointError: one of the two is damaged or has another version, or they do not belong together.
    """
    card, network = _read_card(description, names[0])
    try:
        found = safetensors.torch.load(weights)
    except (RuntimeError, ValueError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise CheckpointError(f"{names[1]} is damaged ({reason}); restore it, or train the network again.") from error
    if fault := _misfit(network.state_dict(), found):
        raise CheckpointError(f"{names[1]} cannot belong to {names[0]}: {fault}; restore both of the same run.")
    network.load_state_dict(found)
    return network.eval(), card


def _misfit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """What is wrong with the weights of a file for a network; empty if they fit."""
    missing, unknown = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if missing or unknown:
        names = [
            f"{count(len(each), 'weight')} {what} ({each[0]}{', ...' if len(each) > 1 else ''})"
            for each, what in ((missing, "missing"), (unknown, "too many"))
            if each
        ]
        return listing(names)
    for name, weight in wanted.items():
        if weight.shape != found[name].shape:
            return f"{name} has the shape {tuple(found[name].shape)} instead of {tuple(weight.shape)}"
    return ""


def _read_card(content: object, name: str) -> tuple[ModelCard, Network]:
    """A description, and the network that it describes."""
    if isinstance(content, dict) and content.get("format", FORMAT) != FORMAT:
        raise CheckpointError(f"{name} has format {content['format']}; this version reads format {FORMAT}.")
    try:
        card = ModelCard.model_validate(content)
        genotype = Genotype.from_json(card.genotype)
        check_genotype(genotype, get_space(genotype.space), strict=False)
        if not len(card.mean) == len(card.std) == card.image_shape[0]:
            raise ValueError(
                f"{len(card.mean)} means and {len(card.std)} deviations for {card.image_shape[0]} channels"
            )
        with torch.random.fork_rng(devices=[]):
            return card, card.build()
    except ValidationError as error:
        raise CheckpointError(f"{name} does not describe a network ({first_fault(error)}); {_REMEDY}") from error
    except DartboardError as error:
        raise CheckpointError(f"{name} does not describe a network ({str(error).rstrip('.')}); {_REMEDY}") from error
    except (RuntimeError, ValueError, LookupError, TypeError, OverflowError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise CheckpointError(f"{name} does not describe a network ({reason}); {_REMEDY}") from error
