"""Second networks that learn beside the supernet; alpha learns from both networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from dartboard.data import Batch
from dartboard.parts.architecture import StepGates
from dartboard.parts.demands import Slots
from dartboard.parts.gradient import Bilevel, FirstOrder, Gradient, Outputs, differentiate_reached
from dartboard.parts.hooks import StageAccess, StageHook
from dartboard.supernet import Active, Gates, Mixing, SkipDropout

__all__ = ["Companion", "CompanionNetwork", "Distillation", "Tapped"]


class Tapped(Protocol):
    """A supernet that can also return inner feature maps; see `ReferenceSupernet`."""

    def tapped(
        self,
        images: Tensor,
        gates: Gates,
        active: Active | None = None,
        skip_dropout: SkipDropout | None = None,
        noise_seed: int = 0,
    ) -> Outputs:
        """Logits, (batch, classes), and the feature maps for the heads of `make_heads`."""
        ...

    def make_heads(self) -> list[nn.Module]:
        """One module for each feature map; it turns the map into logits."""
        ...


class CompanionNetwork(nn.Module):
    """The deep network, and heads on the feature maps of both networks, which make their outputs comparable.

    Args:
        part: settings.
        searched: the supernet of the search, which is not a part of this module.
        deep: a supernet of the same space; only the architecture found so far is run.

    Attributes:
        deep: the deep network.
        searched_heads: one head for each feature map of the supernet.
        deep_heads: one head for each feature map of the deep network.
        shares: one logit for each output of a network, (maps + 1,); their softmax weights the outputs.
    """

    def __init__(self, part: "Distillation", searched: Tapped, deep: nn.Module) -> None:
        super().__init__()
        self.part, self.deep = part, deep
        self.searched_heads = nn.ModuleList(searched.make_heads())
        self.deep_heads = nn.ModuleList(deep.make_heads())  # type: ignore[operator]
        self.shares = nn.Parameter(torch.zeros(len(self.deep_heads) + 1))

    def run(self, images: Tensor, gates: Gates, active: Active | None) -> Outputs:
        """The logits and feature maps of the deep network."""
        found: Outputs = self.deep.tapped(images, gates, active)  # type: ignore[operator]
        return found

    def joint_loss(self, searched: Outputs, deep: Outputs, labels: Tensor) -> Tensor:
        """The loss of both networks on a batch.

        The loss is (CE of the supernet + CE of the deep network) / weight + T^2 * weight * KL(deep || searched), a
        scalar. The divergence compares all outputs of both networks at the temperature T; each output is first
        multiplied by its share.

        Args:
            searched: logits and feature maps of the supernet.
            deep: logits and feature maps of the deep network.
            labels: (batch,).
        """
        own = sum(functional.cross_entropy(logits, labels) for logits, _ in (searched, deep))
        divergence = output_divergence(
            self._outputs(*searched, self.searched_heads), self._outputs(*deep, self.deep_heads), self.part.temperature
        )
        return own / self.part.weight + self.part.temperature**2 * self.part.weight * divergence

    def _outputs(self, logits: Tensor, maps: Sequence[Tensor], heads: nn.ModuleList) -> Tensor:
        """All outputs, each times its share, stacked along the batch, (outputs * batch, classes)."""
        outputs = [*(head(tapped) for head, tapped in zip(heads, maps, strict=True)), logits]
        return torch.cat([share * output for share, output in zip(self.shares.softmax(dim=0), outputs, strict=True)])


def output_divergence(searched: Tensor, deep: Tensor, temperature: float) -> Tensor:
    """KL(softmax(deep / T) || softmax(searched / T)), averaged over entries, not rows, as in the authors' code.

    Args:
        searched: logits, (rows, classes).
        deep: logits, (rows, classes).
        temperature: T.
    """
    logs = [(logits / temperature).log_softmax(dim=1) for logits in (searched, deep)]
    return (logs[1].exp() * (logs[1] - logs[0])).mean()


class Companion(StageHook):
    """Trains the deep network of a stage.

    Args:
        part: settings.
        stage: the stage to which the network belongs.

    Attributes:
        network: the deep network and all heads.
        optimizer: the optimiser of the network.
        runs: gates and operations of the deep network in the epoch at hand; None until alpha first learns.
    """

    def __init__(self, part: "Distillation", stage: StageAccess) -> None:
        self._part, self._stage = part, stage
        deep = stage.further_supernet(part.deeper)
        with stage.initializing("companion"):
            self.network = CompanionNetwork(part, stage.supernet, deep)  # type: ignore[arg-type]
        self.network.to(stage.device)
        self.optimizer = stage.weight_optimizer(self.network.parameters())
        self.runs: StepGates | None = None

    @override
    def before_steps(self) -> None:
        """Give the deep network the architecture found so far, and train it alone for one epoch's batches."""
        if self._stage.alpha_rests:
            return
        self.follow_architecture()
        for batch in self._stage.training_batches("companion-batches"):
            self.learn_alone(batch)

    def follow_architecture(self) -> None:
        """From now on run the architecture found so far, at the learning rate of this epoch."""
        self.runs = self._stage.found()
        for group in self.optimizer.param_groups:
            group["lr"] = self._stage.learning_rate(self._part.lr)

    def learn_alone(self, batch: Batch) -> None:
        """One step of the deep network on its cross-entropy."""
        logits, _ = self._run(batch.images)
        self._move(differentiate_reached(functional.cross_entropy(logits, batch.labels), self._learned))

    @override
    def alpha_gradient(self, problem: Bilevel, otherwise: Gradient) -> dict[str, Tensor]:
        """The gradient of the joint loss of both networks; the same backward pass also moves the deep network."""
        assert problem.tapped_loss is not None
        alphas, learned = problem.alphas, self._learned

        def joint(images: Tensor, labels: Tensor, searched: Outputs) -> Tensor:
            return self.network.joint_loss(searched, self._run(images), labels)

        loss = problem.tapped_loss(joint)(problem.weights, alphas)
        found = differentiate_reached(loss, {**learned, **alphas})
        self._move({name: found[name] for name in learned})
        slopes = {name: found[name] for name in alphas}
        return {name: torch.zeros_like(alphas[name]) if at is None else at for name, at in slopes.items()}

    @override
    def state_dict(self) -> dict[str, Any]:
        return {"companion": self.network.state_dict(), "companion_optimizer": self.optimizer.state_dict()}

    @override
    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        self.network.load_state_dict(saved["companion"])
        self.optimizer.load_state_dict(saved["companion_optimizer"])

    @property
    def _learned(self) -> dict[str, nn.Parameter]:
        return dict(self.network.named_parameters())

    def _run(self, images: Tensor) -> Outputs:
        assert self.runs is not None
        return self.network.run(images, self.runs.gates, self.runs.active)

    def _move(self, gradients: Mapping[str, Tensor | None]) -> None:
        self._stage.move_weights(self._learned, self.optimizer, gradients)


@dataclass(frozen=True)
class Distillation:
    """Cyclic search (CDARTS): a deep network of the architecture found so far, trained beside the supernet.

    In every epoch in which alpha learns, the deep network first learns alone for one pass over the training images. It
    has weights for every operation, and runs the operations of the architecture that the selection would choose now.
    The alpha step lowers one joint loss for alpha and the deep network: the losses of both networks and the divergence
    of their outputs. The weights of the supernet take their usual steps. Paper: arXiv:2006.10724.

    Attributes:
        deeper: how many more cells the deep network has than the supernet, in every group between reductions.
        lr: learning rate of the deep network and of all heads at the start; it falls along the cosine of the weights.
        weight: weight of the divergence of the outputs; the losses are divided by it.
        temperature: temperature at which the outputs are compared.
    """

    deeper: int = 4
    lr: float = 0.2
    weight: float = 1.0
    temperature: float = 2.0

    def attach(self, stage: StageAccess) -> StageHook:
        """The hook that trains the deep network of a stage."""
        return Companion(self, stage)

    def refuse_recipe(self, recipe: Slots) -> str:
        """Refuse gradients that are not first-order or not on separate batches, and networks beyond a plain genotype.

        One backward pass serves alpha and the deep network, and a genotype alone decides what the deep network runs.
        """
        if not isinstance(recipe.gradient, FirstOrder) or recipe.images.endswith("-batch"):
            return "Distillation needs a first-order gradient, on other batches than those of the weights"
        if recipe.mixing != Mixing() or recipe.hypernetwork or recipe.earlier:
            return "Distillation needs the default mixing, no hypernetwork and no earlier stages"
        return ""
