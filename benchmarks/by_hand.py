"""A network by hand: what an engineer writes for one dataset in an afternoon, without dartboard.

    python benchmarks/by_hand.py DATA --seconds 600 [--seed 0] [--threads 1] [--width 32] [--views 1]

DATA is a folder with `train` and `test` (or `val`), as parquet files or as folders of class folders, or a `.npz` file
with `x_train`, `y_train`, `x_test`, `y_test`. Reading, training and the test take SECONDS together, by the clock. The
recipe is that of the CIFAR-10 speed runs (Jordan, arXiv:2404.00498): a frozen whitening stem, identity starts, large
steps for the shifts of batch norms, label smoothing, lookahead, alternating flip, and a test on mirrored images too.
"""

import argparse
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.nn import functional

LOADING, BATCH, LARGEST_SIDE = 2.5, 512, 96  # seconds that Python and the imports take; images of a step; pixels
WIDTHS, PASSES = (16, 32, 48, 64, 96), 9.0  # the widest network is taken that sees every image so often
RATE, MOMENTUM, DECAY = 11.5 / 7850.67, 0.85, 0.0153 / 11.5  # rate for a summed loss; decay as a share of the rate
SMOOTHING, SHIFT_FACTOR, LOOKAHEAD_EVERY, KEPT = 0.2, 64.0, 5, 0.95


def read(data: Path, part: str) -> tuple[Tensor, Tensor]:
    """Images (number, side, side, channels) as uint8, and labels (number,)."""
    if data.suffix == ".npz":
        with np.load(data) as arrays:
            pixels, labels = torch.from_numpy(arrays[f"x_{part}"]), arrays[f"y_{part}"].tolist()
    elif tables := sorted(data.glob(f"{part}*.parquet")):
        rows = [row for table in tables for row in pq.read_table(table).to_pylist()]
        pixels, labels = decode([io.BytesIO(row["image"]["bytes"]) for row in rows]), [row["label"] for row in rows]
    else:
        classes = sorted(each for each in (data / part).iterdir() if each.is_dir())
        files = [(path, label) for label, each in enumerate(classes) for path in sorted(each.iterdir())]
        pixels, labels = decode([path for path, _ in files]), [label for _, label in files]
    return pixels.reshape(*pixels.shape[:3], -1), torch.tensor(labels)


def decode(sources: Sequence[io.BytesIO | Path]) -> Tensor:
    """The middle squares of images, at most `LARGEST_SIDE` pixels wide."""
    pixels = []
    for source in sources:
        image = Image.open(source)
        side, mode = min(*image.size, LARGEST_SIDE), "L" if image.mode in ("L", "1") else "RGB"
        pixels.append(np.asarray(ImageOps.fit(image.convert(mode), (side, side), Image.Resampling.BILINEAR)))
    return torch.from_numpy(np.stack(pixels))


def whitening(images: Tensor, precision: torch.dtype) -> Callable[[Tensor], Tensor]:
    """The stem: 2x2 patches of bytes, uncorrelated, with both signs; frozen, and in float32 until it is done."""
    values, channels = images.float(), images.shape[3]
    mean, deviation = values.mean((0, 1, 2)), values.std((0, 1, 2))
    patches = ((values - mean) / deviation).unfold(1, 2, 1).unfold(2, 2, 1).reshape(-1, 4 * channels)
    squares, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (torch.cat([vectors, -vectors], 1) / (squares.repeat(2) + 5e-4).sqrt()).T.reshape(-1, channels, 2, 2)

    @torch.no_grad()
    def stem(images: Tensor) -> Tensor:
        some = (((each.float() - mean) / deviation).permute(0, 3, 1, 2) for each in torch.split(images, 16))
        return torch.cat([functional.gelu(functional.conv2d(each, filters)).to(precision) for each in some])

    return stem


def block(inputs: int, outputs: int, *pool: nn.Module) -> list[nn.Module]:
    """A 3x3 convolution whose first outputs start as the inputs, and a batch norm without scale and of short memory."""
    convolution, norm = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs, momentum=0.4)
    nn.init.dirac_(convolution.weight.data[: min(inputs, outputs)])
    norm.weight.requires_grad_(False)
    return [convolution, *pool, norm, nn.GELU()]


def network(side: int, channels: int, classes: int, width: int) -> nn.Sequential:
    """All that follows the stem."""
    layers, inputs = list[nn.Module](), 8 * channels
    if side > 48:
        layers += [nn.Conv2d(inputs, width, side // 24, stride=side // 24, bias=False), *block(width, width)[1:]]
        inputs = width
    for outputs in (width, 4 * width, 4 * width):
        layers += block(inputs, outputs, nn.MaxPool2d(2, ceil_mode=side < 24)) + block(outputs, outputs)
        inputs = outputs
    layers += [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(inputs, classes, bias=False)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def batches(images: Tensor, labels: Tensor, seed: int, views: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches, each image shifted by a twelfth and reflected; with 2 views mirrored in every second pass."""
    random, side, count = torch.Generator().manual_seed(seed), images.shape[1], min(BATCH, len(images))
    mirrored, reach = torch.rand(len(images), generator=random) < 0.5, max(1, side // 12)
    while True:
        order = torch.randperm(len(images), generator=random)[: len(images) // count * count]
        for chosen in order.reshape(-1, count):
            shifts = torch.randint(-reach, reach + 1, (2, count, 1), generator=random)
            rows, columns = side - 1 - (side - 1 - (torch.arange(side) + shifts).abs()).abs()
            if views == 2:
                columns = torch.where(mirrored[chosen, None], side - 1 - columns, columns)
            yield images[chosen[:, None, None], rows[:, :, None], columns[:, None, :]], labels[chosen]
        mirrored = ~mirrored


class Training:
    """A network with its optimiser and its slow copy."""

    def __init__(self, images: Tensor, classes: int, precision: torch.dtype, width: int) -> None:
        torch.manual_seed(torch.initial_seed())
        self.stem, self.precision = whitening(images, precision), precision
        self.network = network(images.shape[1], images.shape[3], classes, width)
        shifts = [layer.bias for layer in self.network if isinstance(layer, nn.BatchNorm2d)]
        others = [layer.weight for layer in self.network if isinstance(layer, nn.Conv2d | nn.Linear)]
        self.optimizer = torch.optim.SGD(others, RATE, MOMENTUM, weight_decay=DECAY, nesterov=True)
        self.optimizer.add_param_group({"params": shifts, "weight_decay": DECAY / SHIFT_FACTOR})
        self.fast = [each for each in self.network.state_dict().values() if each.is_floating_point()]
        self.slow, self.taken = [each.clone() for each in self.fast], 0

    def logits(self, images: Tensor) -> Tensor:
        """In float32, whatever the network computes in."""
        images = self.stem(images)
        with torch.autocast("cpu", self.precision, enabled=self.precision != torch.float32):
            outputs: Tensor = self.network(images)
        return outputs.float() / 9

    def step(self, images: Tensor, labels: Tensor, share: float) -> None:
        """A step of SGD when `share` of the time has passed."""
        rate = float(np.interp(share, [0, 0.23, 1], [0.2, 1, 0.07])) * RATE * len(labels)
        self.optimizer.param_groups[0]["lr"], self.optimizer.param_groups[1]["lr"] = rate, rate * SHIFT_FACTOR
        self.optimizer.zero_grad()
        torch.autograd.backward(functional.cross_entropy(self.logits(images), labels, label_smoothing=SMOOTHING))
        self.optimizer.step()
        self.taken += 1
        if self.taken % LOOKAHEAD_EVERY == 0:
            for slow, fast in zip(self.slow, self.fast, strict=True):
                fast.copy_(slow.lerp_(fast, 1 - KEPT**LOOKAHEAD_EVERY * share**3))

    @torch.no_grad()
    def accuracy(self, images: Tensor, labels: Tensor, views: int) -> float:
        """The share of images that the mean over 1 or 2 views classifies rightly."""
        self.network.eval()
        sides = [torch.split(view, BATCH) for view in (images, images.flip(2))[:views]]
        logits = torch.stack([torch.cat([self.logits(each) for each in side]) for side in sides]).sum(0)
        self.network.train()
        return (logits.argmax(dim=1) == labels).double().mean().item()


def main() -> None:
    """Read, train as long as there is time, test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--width", type=int, help="of the first group; otherwise the widest that there is time for")
    parser.add_argument("--views", type=int, default=2, choices=(1, 2), help="1: nothing is mirrored")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), help="otherwise what the processor is fast in")
    asked = parser.parse_args()
    end = time.perf_counter() - LOADING + asked.seconds
    torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    precision = asked.precision or ("bfloat16" if "avx512_bf16" in flags else "float32")
    test = "test" if asked.data.suffix == ".npz" or any(asked.data.glob("test*")) else "val"
    (images, labels), (tests, answers) = read(asked.data, "train"), read(asked.data, test)
    some, drawn = images[torch.randperm(len(images))[:5000]], batches(images, labels, asked.seed, asked.views)
    classes, dtype = int(labels.max()) + 1, getattr(torch, precision)
    width = asked.width or WIDTHS[0]
    for wanted in () if asked.width else WIDTHS:
        tried, marks = Training(some, classes, dtype, wanted), list[float]()
        for _ in range(4):  # of the three after the first the fastest counts, since others may use the machine too
            tried.step(*next(drawn), 0.0)
            marks.append(time.perf_counter())
        if (end - marks[-1]) / np.diff(marks).min() * BATCH / len(images) < PASSES:
            break
        width = wanted
    training = Training(some, classes, dtype, width)
    began = time.perf_counter()
    training.accuracy(tests[:128], answers[:128], asked.views)
    now = time.perf_counter()
    began, last = now, end - 1.1 * (now - began) * max(1.0, len(tests) / 128) - 0.5
    while (now := time.perf_counter()) < last:
        training.step(*next(drawn), (now - began) / (last - began))
    found = {
        "data": asked.data.name,
        "accuracy": training.accuracy(tests, answers, asked.views),
        "seconds": round(time.perf_counter() - end + asked.seconds, 1),
        "passes": round(training.taken * min(BATCH, len(images)) / len(images), 2),
        "weights": sum(each.numel() for each in training.network.parameters()),
    }
    print(json.dumps({**vars(asked), "width": width, "precision": precision, **found}))


if __name__ == "__main__":
    main()
