"""First-order DARTS (Liu et al. 2019, arXiv:1806.09055) in one file: no part of dartboard, only torch, to be read.

A small network of two cells is searched on scikit-learn's digits in about half a minute on a CPU:

    python examples/darts_in_one_file.py

Every edge of a cell mixes five operations, weighted by a softmax of its row of alpha. Each step moves alpha down the
loss on one half of the images, then the weights down the loss on the other half. At the end every edge keeps its
strongest operation. The cell is that of NAS-Bench-201 (arXiv:2001.00326); the network around it is smaller.
"""

import math
from collections.abc import Iterable

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
"""(target, source): node 0 is the input of a cell and node 3 its output; the rows of alpha are in this order."""

Batch = tuple[Tensor, Tensor]


def batch_norm(channels: int, *, affine: bool) -> nn.BatchNorm2d:
    """Batch statistics always, so that the forward passes of alpha steps leave no trace."""
    return nn.BatchNorm2d(channels, affine=affine, track_running_stats=False)


class Zero(nn.Module):
    """No connection."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> zeros of that shape."""
        return torch.zeros_like(x)


def make_operation(name: str, channels: int) -> nn.Module:
    """One of `OPERATIONS`; keeps the shape (batch, channels, height, width)."""
    if name == "none":
        return Zero()
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    kernel = int(name[-1])
    convolution = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, batch_norm(channels, affine=False))


class MixedCell(nn.Module):
    """Every operation on every edge."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(nn.ModuleList(make_operation(name, channels) for name in OPERATIONS) for _ in EDGES)

    def forward(self, x: Tensor, gates: Tensor) -> Tensor:
        """Node 3; `gates` has shape (edges, operations)."""
        nodes = [x, torch.zeros_like(x), torch.zeros_like(x), torch.zeros_like(x)]
        for (target, source), row, operations in zip(EDGES, gates, self.edges, strict=True):
            assert isinstance(operations, nn.ModuleList)
            for gate, operation in zip(row, operations, strict=True):
                nodes[target] = nodes[target] + gate * operation(nodes[source])
        return nodes[-1]


class Supernet(nn.Module):
    """Convolution, cells that share their gates, mean over the pixels, classifier."""

    def __init__(self, in_channels: int, channels: int, cells: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.stem_norm = batch_norm(channels, affine=True)
        self.cells = nn.ModuleList(MixedCell(channels) for _ in range(cells))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, images: Tensor, gates: Tensor) -> Tensor:
        """Images (batch, channels, height, width) and gates (edges, operations) -> logits (batch, classes)."""
        x = self.stem_norm(self.stem(images))
        for cell in self.cells:
            x = cell(x, gates)
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits


class Search:
    """The weights, alpha, and how both move; the numbers are the paper's (section A.1.1)."""

    def __init__(self, supernet: Supernet, alpha: Tensor) -> None:
        self.supernet = supernet
        self.alpha = alpha.requires_grad_()
        self.weight_optimizer = torch.optim.SGD(supernet.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)
        self.alpha_optimizer = torch.optim.Adam([alpha], lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)

    def epoch(self, number: int, epochs: int, weight_batches: Iterable[Batch], alpha_batches: Iterable[Batch]) -> None:
        """Alternate steps on both halves; a cosine takes the weights' learning rate from 0.025 towards 0.001."""
        for group in self.weight_optimizer.param_groups:
            group["lr"] = 0.001 + 0.024 * (1 + math.cos(math.pi * number / epochs)) / 2
        for weight_batch, alpha_batch in zip(weight_batches, alpha_batches, strict=False):
            self.alpha_optimizer.zero_grad()
            self.loss(alpha_batch).backward()  # type: ignore[no-untyped-call]
            self.alpha_optimizer.step()
            self.weight_optimizer.zero_grad()
            self.loss(weight_batch).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.supernet.parameters(), 5.0)
            self.weight_optimizer.step()

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy of the relaxed network."""
        images, labels = batch
        return functional.cross_entropy(self.supernet(images, self.alpha.softmax(dim=-1)), labels)

    def architecture(self) -> str:
        """The strongest operation of every edge, in the notation of NAS-Bench-201."""
        best = [OPERATIONS[index] for index in self.alpha.argmax(dim=-1).tolist()]
        terms = {edge: f"{name}~{edge[1]}" for edge, name in zip(EDGES, best, strict=True)}
        nodes = ("|".join(terms[target, source] for source in range(target)) for target in (1, 2, 3))
        return "+".join(f"|{node}|" for node in nodes)


def main(epochs: int = 20, batch_size: int = 64) -> str:
    """Search on the digits and say what was found after each epoch."""
    torch.manual_seed(0)
    pixels, targets = load_digits(return_X_y=True)
    images = (torch.tensor(pixels, dtype=torch.float32).view(-1, 1, 8, 8) - 4.9) / 6.0
    halves = torch.randperm(len(images)).chunk(2)
    labels = torch.tensor(targets)
    search = Search(Supernet(1, 8, 2, 10), 1e-3 * torch.randn(len(EDGES), len(OPERATIONS)))
    for number in range(epochs):
        batches = (
            [(images[chosen], labels[chosen]) for chosen in torch.split(half[torch.randperm(len(half))], batch_size)]
            for half in halves
        )
        search.epoch(number, epochs, *batches)
        print(f"epoch {number + 1:2} of {epochs}: {search.architecture()}")
    return search.architecture()


if __name__ == "__main__":
    main()
