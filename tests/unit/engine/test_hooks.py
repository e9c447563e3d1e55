"""Hooks that parts hang on the loop: when they are called, what they may change, and what checkpoints hold of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dartboard.parts import WarmUp
from dartboard.parts.gradient import Bilevel, Gradient
from dartboard.parts.hooks import StageAccess, StageHook
from dartboard.parts.rules import Rule
from dartboard.runs import RunDirectory
from unit.engine.test_loop import DARTS, problem, search


class Counting(StageHook):
    """Counts its calls, and multiplies the gradient of alpha."""

    def __init__(self, stage: StageAccess, factor: float, seen: list[str]) -> None:
        self.stage, self.factor, self.seen, self.epochs = stage, factor, seen, 0

    def before_steps(self) -> None:
        self.epochs += 1
        self.seen.append("rests" if self.stage.alpha_rests else "learns")

    def alpha_gradient(self, problem: Bilevel, otherwise: Gradient) -> dict[str, Tensor]:
        self.seen.append("gradient")
        return {name: self.factor * slope for name, slope in super().alpha_gradient(problem, otherwise).items()}

    def state_dict(self) -> dict[str, Any]:
        return {"counted": self.epochs}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        self.epochs = saved["counted"]


@dataclass(frozen=True)
class Hooked(Rule):
    factor: float = 1.0
    seen: list[str] = field(default_factory=list)

    def attach(self, stage: StageAccess) -> StageHook:
        return Counting(stage, self.factor, self.seen)


def alphas(folder: Path, *rules: Rule) -> Tensor:
    search(folder, problem(), replace(DARTS, rules=rules), epochs=1)
    with RunDirectory(folder) as run:
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    found: Tensor = saved["alphas"]["cell"]
    return found


def test_a_hook_is_called_before_the_steps_of_every_epoch_and_at_every_gradient_of_alpha(tmp_path: Path) -> None:
    hooked = Hooked()
    search(tmp_path, problem(), replace(DARTS, rules=(WarmUp(0.5), hooked)), epochs=2)
    assert hooked.seen == ["rests", "learns", *["gradient"] * 3]


def test_a_hook_that_changes_nothing_leaves_alpha_as_it_is_without(tmp_path: Path) -> None:
    assert torch.equal(alphas(tmp_path / "hooked", Hooked()), alphas(tmp_path / "plain"))


def test_hooks_work_upon_one_anothers_gradients(tmp_path: Path) -> None:
    """Two that turn the gradient round cancel, one does not."""
    plain, once = alphas(tmp_path / "plain"), alphas(tmp_path / "once", Hooked(-1.0))
    assert not torch.equal(plain, once)
    assert torch.equal(plain, alphas(tmp_path / "twice", Hooked(-1.0), Hooked(-1.0)))


def test_checkpoints_hold_what_a_hook_must_remember(tmp_path: Path) -> None:
    recipe = replace(DARTS, rules=(Hooked(),))
    search(tmp_path, problem(), recipe, epochs=2)
    search(tmp_path, problem(), recipe, epochs=3)
    with RunDirectory(tmp_path) as run:
        saved = run.load_checkpoint("search", "search")
    assert saved is not None
    assert saved["counted"] == 3
