"""A penalty on the loss of the weights that makes the cells of a kind agree on what alpha should become."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from typing_extensions import override

from dartboard.parts.demands import Slots
from dartboard.parts.gradient import FirstOrder, differentiate_reached
from dartboard.parts.penalties.protocol import JoiningGradient, WeightGradients, WeightStep
from dartboard.space import SearchSpace
from dartboard.space.layer_wise import LayerWise
from dartboard.supernet import by_place

__all__ = ["AlignedCells", "Pairing", "alignment"]

Pairing = Literal["cosine", "signcorr"]
"""How the gradients of two cells are compared: see `alignment`."""

_ALIGNED = 1e-12
"""Cells whose direction of disagreement is shorter than this agree already."""


@dataclass(frozen=True)
class AlignedCells(JoiningGradient):
    """The weights lower the training loss minus a factor times the agreement of the cells (Lambda-DARTS).

    All cells of a kind share one alpha. With gates by place, each cell has a gradient of its own at the gates; the
    agreement is their `alignment`, for every kind with two cells or more. Its gradient at the weights is the central
    difference of two gradients of the training loss on the same batch, at the gates shifted by +-e d, where d is the
    gradient of the agreement at the cells' gradients and e = `step` / |d|. So a step takes three passes. The factor
    grows linearly from 0 in the first epoch to `weight` in the last. Shifted gates need not sum to one.

    Paper: arXiv:2210.07998, with the schedule of the authors' code.

    Attributes:
        weight: factor of the agreement in the last epoch.
        step: length of the shift of all gates together.
        reductions: whether reduction cells are made to agree, too.
        pairing: how two cells are compared.
    """

    weight: float = 0.125
    step: float = 1e-4
    reductions: bool = False
    pairing: Pairing = "cosine"

    @override
    def weight_gradients(self, step: WeightStep) -> WeightGradients:
        kinds = [kind for kind, cells in step.cell_counts.items() if cells > 1 and self._aligns(kind)]
        placed = by_place({kind: step.gates[kind] for kind in kinds}, step.cell_counts)
        own = {kind: gates.clone().requires_grad_() for kind, gates in placed.items()}
        loss = step.loss({**step.gates, **own})
        found = differentiate_reached(loss, {**step.weights, **{f"gates of {kind}": own[kind] for kind in kinds}})
        gradients = {name: found[name] for name in step.weights}
        agreements: dict[str, Tensor] = {}
        directions: dict[str, Tensor] = {}
        for kind in kinds:
            at_gates = found[f"gates of {kind}"]
            if at_gates is None:  # every edge is given up
                at_gates = torch.zeros_like(own[kind])
            agreements[f"alignment_{kind}"], directions[kind] = alignment(at_gates, self.pairing)
        figures = {"aligned_cells": loss.new_full((), sum(step.cell_counts[kind] for kind in kinds)), **agreements}
        if kinds and self.weight:
            gradients = self._joined(step, gradients, own, directions)
        return WeightGradients(gradients, figures)

    def _joined(
        self,
        step: WeightStep,
        gradients: Mapping[str, Tensor | None],
        own: Mapping[str, Tensor],
        along: Mapping[str, Tensor],
    ) -> dict[str, Tensor | None]:
        """The gradients minus the factor times those of the agreement."""
        length = torch.cat([direction.flatten() for direction in along.values()]).norm()
        # Chosen on the device: a Python condition would wait for it in every step.
        shift = torch.where(length < _ALIGNED, 0.0, self.step / length.clamp_min(_ALIGNED))
        ahead, behind = (
            differentiate_reached(step.loss({**step.gates, **shifted}), step.weights)
            for shifted in (
                {kind: gates.detach() + sign * shift * along[kind] for kind, gates in own.items()} for sign in (1, -1)
            )
        )
        factor = self.factor(step.epoch, step.epochs) * torch.where(shift > 0, 0.5 / shift.clamp_min(_ALIGNED), 0.0)
        joined: dict[str, Tensor | None] = dict(gradients)
        for name, gradient in gradients.items():
            more, less = ahead[name], behind[name]
            if gradient is not None and more is not None and less is not None:
                joined[name] = gradient - factor * (more - less)
        return joined

    def factor(self, epoch: int, epochs: int) -> float:
        """The factor of the agreement in an epoch, counted from 0."""
        return self.weight * epoch / max(1, epochs - 1)

    def _aligns(self, kind: str) -> bool:
        return self.reductions or kind != "reduce"

    def refuse(self, space: SearchSpace) -> str:
        """Refuse spaces in which every block has an alpha of its own."""
        if not isinstance(space.skeleton, LayerWise):
            return ""
        return "AlignedCells makes the cells that share an alpha agree, and here every block has an alpha of its own"

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse what would take the step of the weights to other gates, or look ahead through it."""
        if not isinstance(recipe.gradient, FirstOrder):
            return "AlignedCells makes the gradient of the weights itself, and works only with a first-order gradient"
        if recipe.hypernetwork or recipe.perturbation:
            other = type(recipe.hypernetwork or recipe.perturbation).__name__
            return f"AlignedCells makes the gradient of the weights itself, and {other} changes it as well"
        if recipe.relaxation.draws:
            name = type(recipe.relaxation).__name__
            return f"AlignedCells shifts the gates of all operations, and {name} runs only those that it draws"
        return ""

    def remark(self, figures: Mapping[str, Any]) -> str:
        """Say when there was nothing to align."""
        if figures.get("aligned_cells", 1) != 0:
            return ""
        return (
            "No two cells of this supernet share an alpha that is to be aligned, so this was plain DARTS; raise "
            "search.layers."
        )


def alignment(gradients: Tensor, pairing: Pairing = "cosine") -> tuple[Tensor, Tensor]:
    """How well the gradients of cells agree, and the gradient of that number at them (arXiv:2210.07998).

    With "cosine" it is the mean of the cosines over all pairs of cells. With "signcorr" the value of a pair is
    <g, g'> / <|g|, |g'|>. A cell whose gradient is zero has a value of 0 with all others.

    Args:
        gradients: (cells, edges, operations), two cells at least.
        pairing: what a pair is worth.

    Returns:
        A scalar between -1 and 1, and a tensor in the shape of the gradients.
    """
    # In double precision: the difference of almost parallel vectors is divided by their small length.
    flat = gradients.detach().flatten(1)
    wide = flat if flat.device.type == "mps" else flat.double()
    share = 2 / (len(wide) * (len(wide) - 1))
    found, slopes = _cosines(wide) if pairing == "cosine" else _sign_correlations(wide)
    return (share * found).to(flat.dtype), (share * slopes).to(flat.dtype).view_as(gradients)


def _cosines(flat: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of the cosines of all pairs, and its gradient, (cells, entries)."""
    lengths = flat.norm(dim=1, keepdim=True)
    inverse = torch.where(lengths > 0, 1 / lengths.clamp_min(torch.finfo(flat.dtype).tiny), 0.0)
    units = inverse * flat
    others = units.sum(dim=0) - units
    along = (units * others).sum(dim=1, keepdim=True)
    return along.sum() / 2, inverse * (others - along * units)


def _sign_correlations(flat: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of <g, g'> / <|g|, |g'|> over all pairs, and its gradient, (cells, entries)."""
    sizes, signs = flat.abs(), flat.sign()
    whole = (sizes @ sizes.T).fill_diagonal_(0)
    inverse = torch.where(whole > 0, 1 / whole.clamp_min(torch.finfo(flat.dtype).tiny), 0.0)
    values = (flat @ flat.T) * inverse
    return values.sum() / 2, inverse @ flat - signs * ((values * inverse) @ sizes)
