"""A deep network of the architecture found so far, which learns with the supernet from each other's outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from dartboard.parts.gradient import FirstOrder
from dartboard.supernet import Active, Gates, Mixing, SkipDropout

if TYPE_CHECKING:
    from dartboard.parts.recipe import Recipe

__all__ = ["CompanionNetwork", "Distillation", "Tapped"]


Outputs = tuple[Tensor, list[Tensor]]
"""Logits, (batch, classes), and maps from within."""


class Tapped(Protocol):
    """A supernet that also gives maps from within; see `ReferenceSupernet`."""

    def tapped(
        self,
        images: Tensor,
        gates: Gates,
        active: Active | None = None,
        skip_dropout: SkipDropout | None = None,
        noise_seed: int = 0,
    ) -> Outputs:
        """Logits, and the maps for `make_heads`."""
        ...

    def make_heads(self) -> list[nn.Module]:
        """A module for each map, which gives logits."""
        ...


class CompanionNetwork(nn.Module):
    """The deep network, and what makes outputs comparable: heads on the maps of both networks, and their shares.

    Args:
        part: settings.
        searched: the supernet of the search, which is not a part of this module.
        deep: a supernet of the same space; only the architecture found so far is run.

    Attributes:
        deep: as given.
        searched_heads: one for each map of the supernet.
        deep_heads: one for each map of the deep network.
        shares: a logit for each output of a network, (maps + 1,).
    """

    def __init__(self, part: "Distillation", searched: Tapped, deep: nn.Module) -> None:
        super().__init__()
        self.part, self.deep = part, deep
        self.searched_heads = nn.ModuleList(searched.make_heads())
        self.deep_heads = nn.ModuleList(deep.make_heads())  # type: ignore[operator]
        self.shares = nn.Parameter(torch.zeros(len(self.deep_heads) + 1))

    def run(self, images: Tensor, gates: Gates, active: Active | None) -> Outputs:
        """What the deep network makes of images."""
        found: Outputs = self.deep.tapped(images, gates, active)  # type: ignore[operator]
        return found

    def joint_loss(self, searched: Outputs, deep: Outputs, labels: Tensor) -> Tensor:
        """The loss of both networks on a batch.

        (CE of the supernet + CE of the deep network) / weight + T^2 * weight * KL(deep || searched), where the
        divergence compares all outputs of either network, each times its share, at the temperature T.

        Args:
            searched: logits and maps of the supernet.
            deep: those of the deep network.
            labels: (batch,).
        """
        own = sum(functional.cross_entropy(logits, labels) for logits, _ in (searched, deep))
        divergence = output_divergence(
            self._outputs(*searched, self.searched_heads), self._outputs(*deep, self.deep_heads), self.part.temperature
        )
        return own / self.part.weight + self.part.temperature**2 * self.part.weight * divergence

    def _outputs(self, logits: Tensor, maps: Sequence[Tensor], heads: nn.ModuleList) -> Tensor:
        """All outputs below each other, (outputs * batch, classes)."""
        outputs = [*(head(tapped) for head, tapped in zip(heads, maps, strict=True)), logits]
        return torch.cat([share * output for share, output in zip(self.shares.softmax(dim=0), outputs, strict=True)])


def output_divergence(searched: Tensor, deep: Tensor, temperature: float) -> Tensor:
    """KL(softmax(deep / T) || softmax(searched / T)), the mean over all numbers, not rows, as in the authors' code.

    Args:
        searched: logits, (rows, classes).
        deep: logits, (rows, classes).
        temperature: T.
    """
    logs = [(logits / temperature).log_softmax(dim=1) for logits in (searched, deep)]
    return (logs[1].exp() * (logs[1] - logs[0])).mean()


@dataclass(frozen=True)
class Distillation:
    """Cyclic search (CDARTS): a deep network of the architecture found so far, trained beside the supernet.

    In every epoch in which alpha learns, the deep network first learns alone for a pass over the training images. It
    has weights for every operation and runs those of the architecture that the selection names at the time. The step of
    alpha descends the loss of both networks, and what their outputs differ in, for alpha and the deep network at once;
    the weights of the supernet learn by themselves, as ever. Paper: arXiv:2006.10724.

    Attributes:
        deeper: cells that the deep network has more than the supernet, in every group between reductions.
        lr: learning rate of the deep network and of all heads at the start; it falls as that of the weights.
        weight: of what outputs differ in, beside the losses.
        temperature: at which outputs are compared.
    """

    deeper: int = 4
    lr: float = 0.2
    weight: float = 1.0
    temperature: float = 2.0

    def refuse_recipe(self, recipe: "Recipe") -> str:
        """One backward pass serves alpha and the deep network, and a genotype must tell all that is run."""
        if not isinstance(recipe.gradient, FirstOrder) or recipe.images == "same-batch":
            return "Distillation takes a first-order gradient, on other batches than those of the weights"
        if recipe.mixing != Mixing() or recipe.hypernetwork or recipe.earlier:
            return "Distillation runs a plain network of what is found, without mixings, made weights or stages"
        return ""
