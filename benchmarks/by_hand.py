"""A network by hand: what an engineer writes for one dataset in an afternoon, without dartboard.

    python benchmarks/by_hand.py DATA --seconds 600 [--seed 0] [--threads 1] [--width 32] [--views 1]

DATA is a folder with `train` and `test` (or `val`), as parquet files or as folders of class folders. Reading, training
and the test take SECONDS together. The recipe is that of the CIFAR-10 speed runs (Jordan, arXiv:2404.00498): a frozen
whitening stem, three groups of two convolutions, identity starts, a triangular rate, large steps for the shifts of
batch norms, label smoothing, lookahead, alternating flip, and a test on mirrored images as well. The rate follows the
clock, so that the training ends in time on any machine. Prints one JSON object.
"""

import argparse
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

LOADING = 2.5
"""Seconds that Python and the imports take before the clock starts."""

BATCH = 512
LARGEST_SIDE = 96
WIDTHS = (16, 32, 48, 64, 96)
PASSES = 9.0
"""The widest network is taken that sees every image so often."""

RATE, MOMENTUM, DECAY = 11.5 / 7850.67, 0.85, 0.0153 * 1024 / 7850.67
"""Rate for a loss that is summed over images, and decay of a weight per step at the largest rate."""

SMOOTHING, SHIFT_FACTOR, LOOKAHEAD_EVERY, KEPT = 0.2, 64.0, 5, 0.95
Batch = tuple[Tensor, Tensor]


def read(folder: Path, part: str) -> Batch:
    """Images (number, channels, side, side) as uint8, and labels (number,)."""
    sources: list[tuple[io.BytesIO | Path, int]] = []
    if tables := sorted(folder.glob(f"{part}*.parquet")):
        rows = [row for table in tables for row in pq.read_table(table).to_pylist()]
        sources += [(io.BytesIO(row["image"]["bytes"]), int(row["label"])) for row in rows]
    else:
        classes = sorted(each for each in (folder / part).iterdir() if each.is_dir())
        sources += [(path, label) for label, each in enumerate(classes) for path in sorted(each.iterdir())]
    pixels = np.stack([decode(source) for source, _ in sources])
    labels = torch.tensor([label for _, label in sources])
    return torch.from_numpy(pixels).reshape(*pixels.shape[:3], -1).permute(0, 3, 1, 2).contiguous(), labels


def decode(source: io.BytesIO | Path) -> npt.NDArray[np.uint8]:
    """The middle square of an image, at most `LARGEST_SIDE` pixels wide."""
    with Image.open(source) as opened:
        image = opened.convert("L" if opened.mode in ("L", "1") else "RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    new = min(side, LARGEST_SIDE)
    return np.asarray(image.resize((new, new), Image.Resampling.BILINEAR, (left, top, left + side, top + side)))


class Shift(nn.BatchNorm2d):
    """Batch norm with a fast memory; its scale stays 1."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, momentum=0.4)
        self.weight.requires_grad_(False)


def convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """3x3, whose first outputs start as the inputs."""
    layer = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight.data[: min(inputs, outputs)])
    return layer


def whitening(images: Tensor) -> nn.Conv2d:
    """2x2, frozen but for its shift: its outputs are uncorrelated over the patches of these images, with both signs."""
    channels = images.shape[1]
    patches = images.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 4 * channels)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / (values + 5e-4).sqrt()).T.reshape(-1, channels, 2, 2)
    layer = nn.Conv2d(channels, 8 * channels, 2)
    layer.weight = nn.Parameter(torch.cat([filters, -filters]), requires_grad=False)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def network(images: Tensor, classes: int, width: int) -> nn.Sequential:
    """The network; `images` (number, channels, side, side), normalised, give the whitening filters."""
    layers: list[nn.Module] = [whitening(images), nn.GELU()]
    inputs = 8 * images.shape[1]
    if images.shape[2] > LARGEST_SIDE // 2:
        layers += [nn.Conv2d(inputs, width, 4, stride=4), nn.GELU()]
        inputs = width
    for outputs in (width, 4 * width, 4 * width):
        layers += [convolution(inputs, outputs), nn.MaxPool2d(2), Shift(outputs), nn.GELU()]
        layers += [convolution(outputs, outputs), Shift(outputs), nn.GELU()]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(inputs, classes, bias=False))


def batches(images: Tensor, labels: Tensor, generator: torch.Generator, *, flips: bool) -> Iterator[Batch]:
    """Endless batches, shifted by up to 2 pixels; every image is mirrored in every second pass."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    size, count = images.shape[-1], min(BATCH, len(images))
    while True:
        order = torch.randperm(len(images), generator=generator)
        for first in range(0, len(order) - count + 1, count):
            chosen = order[first : first + count]
            batch = images[chosen]
            if flips:
                batch = torch.where(mirrored[chosen, None, None, None], batch.flip(-1), batch)
            padded = functional.pad(batch, (2, 2, 2, 2), mode="reflect")
            row, column = torch.randint(0, 5, (2,), generator=generator).tolist()
            yield padded[:, :, row : row + size, column : column + size], labels[chosen]
        mirrored = ~mirrored


class Training:
    """A network with its optimiser and its slow copy."""

    def __init__(self, images: Tensor, classes: int, width: int, precision: torch.dtype) -> None:
        torch.manual_seed(torch.initial_seed())
        self.network, self.precision = network(images[:5000], classes, width), precision
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        shifts = [layer.bias for layer in self.network if isinstance(layer, Shift)]
        known = {id(shift) for shift in shifts}
        others = [each for each in self.network.parameters() if each.requires_grad and id(each) not in known]
        groups: list[dict[str, Any]] = [{"params": others, "factor": 1.0}, {"params": shifts, "factor": SHIFT_FACTOR}]
        self.optimizer = torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM, nesterov=True)
        self.slow, self.taken = [each.clone() for each in self.state()], 0

    def state(self) -> list[Tensor]:
        """All float numbers, running statistics included."""
        return [each for each in self.network.state_dict().values() if each.is_floating_point()]

    def logits(self, images: Tensor) -> Tensor:
        """In the arithmetic of the training: whitening divides by small numbers, so float32 is another network."""
        with torch.autocast("cpu", self.precision, enabled=self.precision != torch.float32):
            outputs: Tensor = self.network(images.contiguous(memory_format=torch.channels_last))
        return outputs.float() / 9

    def step(self, images: Tensor, labels: Tensor, share: float) -> None:
        """A step of SGD when `share` of the time has passed."""
        height = 0.2 + 0.8 * share / 0.23 if share < 0.23 else 1 - 0.93 * (share - 0.23) / 0.77
        for group in self.optimizer.param_groups:
            group["lr"] = height * RATE * group["factor"] * len(labels)
            group["weight_decay"] = height * DECAY * len(labels) / 1024 / group["lr"]
        self.optimizer.zero_grad()
        torch.autograd.backward(functional.cross_entropy(self.logits(images), labels, label_smoothing=SMOOTHING))
        self.optimizer.step()
        self.taken += 1
        if self.taken % LOOKAHEAD_EVERY == 0:
            for slow, fast in zip(self.slow, self.state(), strict=True):
                slow.lerp_(fast, 1 - KEPT**LOOKAHEAD_EVERY * share**3)
                fast.copy_(slow)

    @torch.no_grad()
    def accuracy(self, images: Tensor, labels: Tensor, views: int) -> float:
        """The share of images that the mean over 1 or 2 views classifies rightly."""
        self.network.eval()
        right = 0
        for first in range(0, len(images), BATCH):
            batch = images[first : first + BATCH]
            logits = self.logits(batch) + (self.logits(batch.flip(-1)) if views == 2 else 0)
            right += int((logits.argmax(dim=1) == labels[first : first + BATCH]).sum())
        self.network.train()
        return right / len(images)


def seconds_of(work: Any, times: int) -> float:
    """The shortest of some runs."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def main() -> None:
    """Read, train as long as there is time, test."""
    started = time.perf_counter() - LOADING
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--width", type=int, help="of the first group; otherwise the widest that there is time for")
    parser.add_argument("--views", type=int, default=2, choices=(1, 2), help="1: nothing is mirrored")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), help="otherwise what the processor is fast in")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    name = asked.precision or ("bfloat16" if "avx512_bf16" in flags else "float32")
    (images, labels), (tests, answers) = (
        read(asked.data, part) for part in ("train", "test" if list(asked.data.glob("test*")) else "val")
    )
    mean, deviation = images.float().mean((0, 2, 3), keepdim=True), images.float().std((0, 2, 3), keepdim=True)
    images, tests = (images - mean) / deviation, (tests - mean) / deviation
    drawn = batches(images, labels, torch.Generator().manual_seed(asked.seed), flips=asked.views == 2)

    def begin(width: int) -> Training:
        return Training(images, int(labels.max()) + 1, width, getattr(torch, name))

    width = asked.width or WIDTHS[0]
    for wanted in () if asked.width else WIDTHS[1:]:
        tried = begin(wanted)
        step = seconds_of(lambda tried=tried: tried.step(*next(drawn), 0.0), 3)
        if (started + asked.seconds - time.perf_counter()) / step * BATCH / len(images) < PASSES:
            break
        width = wanted
    training = begin(width)
    test = seconds_of(lambda: training.accuracy(tests[:BATCH], answers[:BATCH], asked.views), 1)
    began = time.perf_counter()
    end = started + asked.seconds - 1.1 * test * max(1.0, len(tests) / BATCH) - 0.5
    while (now := time.perf_counter()) < end:
        training.step(*next(drawn), (now - began) / (end - began))
    found = {
        "accuracy": training.accuracy(tests, answers, asked.views),
        "seconds": round(time.perf_counter() - started, 1),
        "passes": round(training.taken * min(BATCH, len(images)) / len(images), 2),
        "weights": sum(each.numel() for each in training.network.parameters()),
        **{key: value for key, value in vars(asked).items() if key != "data"},
    }
    print(json.dumps({**found, "data": asked.data.name, "width": width, "precision": name}))


if __name__ == "__main__":
    main()
