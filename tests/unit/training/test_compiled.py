from functools import partial

import pytest
import torch

from dartboard.errors import SettingsError
from dartboard.space import PUBLISHED, DropPath, Network, get_space
from dartboard.training import check_compiler
from dartboard.training.compiled import compile_forward

DARTS = get_space("darts")


def make_network() -> Network:
    plan = DARTS.plan(in_channels=3, num_classes=4, init_channels=4, layers=3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network(DARTS, PUBLISHED["darts-v2"], plan, auxiliary=True).double()


def images() -> torch.Tensor:
    return torch.randn(4, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def drop_path(probability: float) -> DropPath:
    return DropPath(probability, torch.Generator().manual_seed(2))


def check_equal(probability: float) -> None:
    """Logits, those of the auxiliary head and all gradients, compiled and not, with the same paths dropped."""
    plain, compiled = make_network(), make_network()
    forward = compile_forward(compiled)
    for network, run in ((plain, plain.forward_with_auxiliary), (compiled, forward)):
        logits, auxiliary = run(images(), drop_path(probability))
        network.found = logits, auxiliary
        (logits.square().mean() + auxiliary.square().mean()).backward()
    torch.testing.assert_close(compiled.found, plain.found)
    for ours, theirs in zip(compiled.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    for ours, theirs in zip(compiled.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("probability", [pytest.param(0.0, marks=pytest.mark.slow), 0.5])
def test_what_is_traced_is_the_network_with_its_paths_dropped(
    probability: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without code generation, which takes a minute: what torch traces is the same.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    check_equal(probability)


@pytest.mark.parametrize("probability", [pytest.param(0.0, marks=pytest.mark.slow), 0.5])
def test_what_is_traced_in_bfloat16_is_the_network_but_for_the_rounding(
    probability: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    plain, traced = make_network().float(), make_network().float()
    exact = plain.forward_with_auxiliary(images().float(), drop_path(probability))
    with torch.autocast("cpu", torch.bfloat16):
        rounded = compile_forward(traced)(images().float(), drop_path(probability))
    for outputs in (exact, rounded):
        sum(each.float().square().mean() for each in outputs).backward()
    for ours, theirs in zip(rounded, exact, strict=True):
        assert ours.dtype == torch.bfloat16
        assert 0 < (ours.float() - theirs).norm() < 0.1 * theirs.norm()
    ours, theirs = (torch.cat([each.grad.flatten() for each in net.parameters()]) for net in (traced, plain))
    assert ours.dtype == torch.float32
    assert (ours - theirs).norm() < 0.2 * theirs.norm()


# torch 2.13 warns of itself while its compiler is imported (torch/utils/mkldnn.py).
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize("probability", [0.0, 0.5])
def test_the_compiled_network_is_the_network(probability: float) -> None:
    check_equal(probability)


def test_without_a_compiler_it_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SettingsError, match="needs a C\\+\\+ compiler on a CPU, and there is none; install g"):
        check_compiler(torch.device("cpu"))
    monkeypatch.setenv("CXX", "nowhere-c++")
    with pytest.raises(SettingsError, match="CXX names nowhere-c"):
        check_compiler(torch.device("cpu"))


def test_an_accelerator_brings_its_own_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    check_compiler(torch.device("cuda"))
