"""Weights carried from one supernet to the next, or to the discrete network of one of its architectures.

A pruned, widened or deeper supernet is built anew from another spec; the learned weights of the old supernet are
carried over by name. The functions here take named tensors, so they work on weights and on momentum buffers.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from dartboard.errors import GenotypeError, SettingsError
from dartboard.runs import make_generator
from dartboard.space import CellPlace, Choice, Genotype, check_genotype
from dartboard.supernet.spec import SupernetSpec
from dartboard.wording import cell_name

__all__ = ["carry_weights", "path_weights"]

_ChannelMap = Callable[[int, int], Tensor]
"""(old width, new width) -> for every new channel, the index of the old channel that it copies."""


def carry_weights(
    source: Mapping[str, Tensor], target: Mapping[str, Tensor], generator: torch.Generator
) -> dict[str, Tensor]:
    """Give a new supernet the weights of an old one, or other tensors with the names and shapes of weights.

    Tensors of the same name belong together. Their first two dimensions are output and input channels. Along these, a
    wider target takes all old channels and then copies of randomly drawn old channels; a narrower target takes the
    first channels. Tensors that only the target has (an added operation, an additional cell) keep their values; tensors
    that only the source has (a pruned operation) are dropped.

    Widening is Net2Wider (arXiv:1511.05641) as in the progressive search of DrNAS (arXiv:2006.10355), without dividing
    weights by the number of copies. The authors of DrNAS draw channels for every layer. Here they are drawn once for
    every pair of widths. So the input of an operation, its kernels and its norms copy the same channels, and on copied
    inputs a copied channel stays equal to its original. Depthwise convolutions and norms give exactly the values of the
    old channels. A convolution over all channels adds every input as often as it was copied; a batch norm after it
    undoes this if all inputs were copied equally often.

    The two halves of a factorised reduction are widened separately, and the norm after them in the same way. Partial
    channels change only operations (`Mixing.channel_share`). There are two limits. If the width of the whole network
    changes, the shapes fit, but an input that joins several nodes is widened as one map and no longer matches the
    nodes. Cells are matched by number: if more layers move a reduction cell, it gets the weights of a cell of another
    kind.

    Args:
        source: tensors by name, of the old supernet.
        target: tensors by name, of the new supernet: its initial weights, or zeros for momentum buffers.
        generator: source of one number per call. Generators with equal seeds lead to the same channels, whatever the
            names are. So a call for the weights and a call for their momentum agree.

    Returns:
        New tensors with the names, shapes, types and devices of `target`.

    Raises:
        SettingsError: two tensors of the same name differ in more than their numbers of channels.
    """
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))

    def channels(old: int, new: int) -> Tensor:
        kept = torch.arange(min(old, new))
        drawn = torch.randint(old, (max(0, new - old),), generator=make_generator(seed, "channels", old, new))
        return torch.cat([kept, drawn])

    def halves(old: int, new: int) -> Tensor:
        half = channels(old // 2, new // 2)
        return torch.cat([half, half + old // 2])

    carried = {}
    for name, own in target.items():
        value = own
        if name in source:
            value = _fitted(name, source[name], own, halves if _follows_halves(name, source) else channels)
        carried[name] = value.detach().to(own.device, own.dtype, copy=True)
    return carried


def path_weights(supernet_weights: Mapping[str, Tensor], spec: SupernetSpec, genotype: Genotype) -> dict[str, Tensor]:
    """The weights of a supernet for the discrete network of a genotype, under the names of the network.

    They are the weights of the kept operations, of the projections and of everything outside the cells, for
    `Network(space, genotype, spec.plan)`. The norms of a supernet usually lack running averages, and the norms in its
    cells lack scale and shift. For these the network keeps its initial values: mean 0, variance 1, scale 1, shift 0.
    Some parts of a supernet do not exist in the network and are left out: the norms after some operations (the poolings
    of DARTS), auxiliary skip connections, and attention that the genotype does not choose.

    Args:
        supernet_weights: tensors by name, such as the supernet's `state_dict()`.
        spec: the supernet.
        genotype: an architecture of the same space; its nodes may keep fewer or more edges than a search keeps.

    Returns:
        The given tensors themselves, not copies, for `load_state_dict(..., strict=False)`.

    Raises:
        GenotypeError: the genotype belongs to another space, is no architecture of it, or holds an operation or an
            attention that the supernet does not have on that edge.
        SettingsError: the operations of the supernet read only a part of the channels.
    """
    _check_path(spec, genotype)
    weights = {name: value for name, value in supernet_weights.items() if not _is_on_an_edge(name)}
    for index, place in enumerate(spec.plan.places):
        if not isinstance(place, CellPlace):
            continue
        cell = genotype[place.kind]
        renamed = [
            pair for number, choice in enumerate(cell.choices) for pair in _renamed(spec, choice, f"ops.{number}.")
        ]
        for old, new in [*renamed, *([(f"end.{cell.attention}.", "end.")] if cell.attention else [])]:
            old, new = (f"backbone.blocks.{index}.{prefix}" for prefix in (old, new))
            weights |= {
                new + name.removeprefix(old): value for name, value in supernet_weights.items() if name.startswith(old)
            }
    return weights


def _renamed(spec: SupernetSpec, choice: Choice, new: str) -> list[tuple[str, str]]:
    """Prefixes of the names of the weights of a choice: (in the cell of a supernet, in the cell of a network)."""
    row = spec.space.cell.row(choice.target, choice.source)
    op = f"edges.{row}.{choice.op}." + ("0." if choice.op in spec.space.normalized_ops else "")
    if not choice.attention:
        return [(op, new)]
    attention = f"attention.{row}.{choice.attention}." + ("0." if choice.attention in spec.space.normalized_ops else "")
    return [(op, f"{new}0."), (attention, f"{new}1.")]


def _fitted(name: str, value: Tensor, own: Tensor, channels: _ChannelMap) -> Tensor:
    """`value` with as many channels as `own`."""
    if value.dim() != own.dim() or value.shape[2:] != own.shape[2:]:
        raise SettingsError(
            f"'{name}' has the shape {tuple(value.shape)} in the old supernet and {tuple(own.shape)} in the new one; "
            "only the numbers of channels may differ, so give the operation another name."
        )
    for dim, (old, new) in enumerate(zip(value.shape[:2], own.shape[:2], strict=True)):
        if old != new:
            value = value.index_select(dim, channels(old, new).to(value.device))
    return value


def _follows_halves(name: str, names: Mapping[str, Tensor]) -> bool:
    """Whether `name` belongs to the norm of a `FactorizedReduce`; this norm has the channels of two convolutions.

    The name alone is not enough, since stems have a norm of the same name; so the convolution beside it is looked up.
    """
    module, _, part = name.rpartition(".")[0].rpartition(".")
    return part == "norm" and f"{module}.even.weight" in names


def _is_on_an_edge(name: str) -> bool:
    """Whether `name` (backbone.blocks.NUMBER.PART....) is inside a cell and not a projection of its inputs."""
    return name.startswith("backbone.blocks.") and name.split(".")[3] in _INSIDE


_INSIDE = ("edges", "auxiliary", "attention", "end")
"""Parts of a cell of a supernet that the cell of a network has under other names."""


def _check_path(spec: SupernetSpec, genotype: Genotype) -> None:
    if genotype.space != spec.space.name:
        raise GenotypeError(
            f"the genotype belongs to the space '{genotype.space}' and the supernet to '{spec.space.name}'; take the "
            "weights from a supernet of the genotype's space."
        )
    check_genotype(genotype, spec.space, strict=False)
    if spec.mixing.channel_share != 1:
        raise SettingsError(
            f"the supernet's operations read 1/{spec.mixing.channel_share} of the channels and a discrete network's "
            "read all, so the weights do not fit; take them from a supernet with a channel_share of 1."
        )
    for kind, cell in genotype.cells:
        if spec.space.cell.output == "concat" and len(cell.outputs) < spec.space.cell.num_nodes:
            raise GenotypeError(
                f"the {cell_name(kind)} joins {len(cell.outputs)} of {spec.space.cell.num_nodes} nodes, so the weights "
                "after the cell do not fit; name a genotype that keeps every node."
            )
        if cell.attention and cell.attention not in spec.mixing.end:
            raise GenotypeError(
                f"the {cell_name(kind)} ends with the attention '{cell.attention}', and this supernet has "
                f"{', '.join(spec.mixing.end) or 'none'} there."
            )
        for choice in cell.choices:
            live = spec.ops_of(kind, spec.space.cell.row(choice.target, choice.source))
            if choice.op not in live:
                raise GenotypeError(
                    f"edge {choice.source} -> {choice.target} of the {cell_name(kind)} uses '{choice.op}', which this "
                    f"supernet does not have there: it has {', '.join(live) or 'none'}."
                )
            if choice.attention and choice.attention not in spec.mixing.attention:
                raise GenotypeError(
                    f"edge {choice.source} -> {choice.target} of the {cell_name(kind)} has the attention "
                    f"'{choice.attention}', and this supernet has {', '.join(spec.mixing.attention) or 'none'}."
                )
