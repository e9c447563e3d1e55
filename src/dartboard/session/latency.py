"""The latency of networks of a session, by a table of blocks that this machine keeps, and as it is measured."""

from collections.abc import Mapping

import torch

from dartboard.data import cache_root
from dartboard.devices import device_name
from dartboard.errors import ExportError
from dartboard.estimate.latency import (
    BlockTimes,
    LatencyTable,
    check_timed,
    latency_table,
    machine,
    module_timer,
    network_timer,
)
from dartboard.session.session import Session
from dartboard.session.sizes import network_plan
from dartboard.space import Genotype, Network, NetworkPlan, SearchSpace, get_space
from dartboard.space.ops import plain_kernels

__all__ = ["BATCHES", "measured_latency", "table_of"]

BATCHES = (1, 64)
"""Images of the batches for which the latency of a finished network is measured."""


def table_of(session: Session, space: SearchSpace, plan: NetworkPlan) -> LatencyTable:
    """The table of blocks of a space at one size of network; a session asks this machine only once.

    Raises:
        SettingsError: nothing can be timed on the device.
    """
    check_timed(session.device)
    batch = session.settings.limits.latency_batch
    height, width = session.dataset.image_shape[1:]
    key = ("latency", space.name, plan, batch)
    if key not in session.timed:
        folder = cache_root(None) / "latency"
        times = BlockTimes(module_timer(session.device), folder, machine(session.device, device_name(session.device)))
        session.timed[key] = latency_table(space, plan, (height, width), batch, times)
    made: LatencyTable = session.timed[key]
    return made


def measured_latency(
    session: Session, genotype: Genotype, sizes: tuple[int, ...] = BATCHES, *, exports: bool = True
) -> dict[str, Mapping[int, float]]:
    """Seconds of the network of an architecture, as it is trained and as it is exported, by the size of the batch.

    Args:
        session: the session, with the size of the network.
        genotype: the architecture.
        sizes: images of the batches.
        exports: whether the exported network is measured as well.

    Returns:
        "network", and "exported" where the network can be exported and the device is the CPU; each batch size ->
        seconds, the median of warm runs.
    """
    plan, time_network = network_plan(session, "train"), network_timer(session.device)
    network = Network(get_space(genotype.space), genotype, plan).eval()
    network = network.to(device=session.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = {size: torch.zeros((size, *session.dataset.image_shape), device=session.device) for size in sizes}
    images = {size: each.contiguous(memory_format=torch.channels_last) for size, each in images.items()}
    found: dict[str, Mapping[int, float]] = {
        "network": {size: time_network(network, each) for size, each in images.items()}
    }
    if exports and session.device.type == "cpu":
        try:
            with plain_kernels(), torch.no_grad():
                batch = {0: torch.export.Dim("batch")}
                program = torch.export.export(network, (images[sizes[-1]],), dynamic_shapes=(batch, None))
                exported = program.module()
            found["exported"] = {size: time_network(exported, each) for size, each in images.items()}
        except (ExportError, RuntimeError, ValueError, TypeError):
            return found
    return found
