"""Plain kernels hold for the thread or task that asks for them, and for nobody else."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from dartboard.kernels import plain_kernels
from dartboard.kernels.choice import has_own_kernels, is_plain
from dartboard.kernels.pointwise import Pointwise
from dartboard.space.features import Features, through

IMAGES = torch.zeros(1, 2, 3, 3).contiguous(memory_format=torch.channels_last)


def test_plain_kernels_nest_and_end_where_they_began() -> None:
    assert (is_plain(), has_own_kernels(IMAGES)) == (False, True)
    with plain_kernels():
        with plain_kernels():
            assert is_plain()
        assert (is_plain(), has_own_kernels(IMAGES)) == (True, False)
    assert not is_plain()


def test_plain_kernels_end_with_an_exception_too() -> None:
    with pytest.raises(RuntimeError, match="on purpose"), plain_kernels():
        raise RuntimeError("on purpose")
    assert not is_plain()


def test_own_kernels_are_for_channels_last_and_full_precision() -> None:
    assert not has_own_kernels(IMAGES.contiguous())
    assert not has_own_kernels(torch.empty_like(IMAGES, device="meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not has_own_kernels(IMAGES)


def test_threads_do_not_disturb_each_other() -> None:
    """Two threads are inside at once and leave in the order in which they came, which a flag of all would mix up."""
    both_in, first_out = threading.Barrier(2, timeout=60), threading.Event()

    def first() -> bool:
        with plain_kernels():
            both_in.wait()
        first_out.set()
        return is_plain()

    def second() -> tuple[bool, bool]:
        with plain_kernels():
            both_in.wait()
            assert first_out.wait(60)
            inside = is_plain()
        return inside, is_plain()

    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(first), pool.submit(second)
        assert asked[0].result() is False
        assert asked[1].result() == (True, False)
    assert not is_plain()


def test_a_thread_that_is_started_within_asks_for_itself() -> None:
    with plain_kernels(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(is_plain).result() is False


def test_tasks_do_not_disturb_each_other() -> None:
    async def plainly() -> bool:
        with plain_kernels():
            await asyncio.sleep(0)
            return is_plain()

    async def usually() -> bool:
        await asyncio.sleep(0)
        return is_plain()

    async def together() -> list[bool]:
        return list(await asyncio.gather(plainly(), usually(), plainly()))

    assert asyncio.run(together()) == [True, False, True]


def test_a_graph_goes_backward_as_it_was_built_wherever_that_happens() -> None:
    """Accelerators run backward passes in threads of torch: what was asked for then must not matter."""
    layer = nn.Sequential(nn.ReLU(), Pointwise(2, 2), nn.BatchNorm2d(2)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0)).contiguous(
        memory_format=torch.channels_last
    )

    def gradients() -> list[torch.Tensor]:
        return list(torch.autograd.grad(layer(x).square().sum() + layer[1](x).exp().sum(), list(layer.parameters())))

    expected = gradients()
    loss = layer(x).square().sum() + layer[1](x).exp().sum()
    with plain_kernels():
        within = torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True)
    with ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(torch.autograd.grad, loss, list(layer.parameters())).result()
    for found in (within, elsewhere):
        assert all(map(torch.equal, found, expected))


def test_what_torch_compiles_stays_in_one_piece() -> None:
    """A context variable that its compiler met would break the graph in two, or fail under `fullgraph`."""
    layer = nn.Sequential(nn.ReLU(), Pointwise(2, 2), nn.ReLU())
    run = torch.compile(lambda x: through(layer, Features(x, x[:, :0])), fullgraph=True, backend="eager")
    x = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(run(x), layer(x))
