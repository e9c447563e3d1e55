"""How sharp the validation loss is in alpha."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dartboard.engine.stage import StageSearch
from dartboard.engine.watches.protocol import Chart, Observation, Probes, Seen, Watch, rank_correlation, watch
from dartboard.errors import SettingsError
from dartboard.parts.curvature import AlphaCurvature
from dartboard.parts.gradient import Bilevel, SgdStep, Tensors
from dartboard.parts.recipe import Recipe
from dartboard.runs import SearchEpoch
from dartboard.space import SearchSpace

__all__ = ["Curvature", "watched_curvature"]


@dataclass(frozen=True)
class Curvature(Watch):
    """Takes the Hessian of the validation loss in alpha: its largest eigenvalue and its trace.

    It is taken at the deterministic gates, on the same batch at every epoch, with weights that do not depend on alpha,
    without the decay of alpha. `search.curvature_every` measures on the last batch of the epoch instead, where rules of
    a method can go by it.

    Paper: RobustDARTS, arXiv:1909.09656: the largest eigenvalue rises before the derived cells become worse.
    """

    title = "Curvature in alpha"
    charts = (
        Chart(
            "Largest eigenvalue of the Hessian of the validation loss in alpha, on the same batch at every epoch. A "
            "steady rise is a sign that the derived cells get worse.",
            "largest eigenvalue",
            {"eigenvalue": "largest eigenvalue"},
        ),
        Chart("Trace of the same Hessian, the sum of all eigenvalues.", "trace", {"trace": "trace"}),
    )

    def refuse(self, space: SearchSpace, recipe: Recipe) -> None:  # noqa: ARG002
        """Refuse methods whose gates have no derivatives in alpha.

        Raises:
            SettingsError: the method is one of these.
        """
        if not all(stage.recipe.relaxation.has_slopes for stage in recipe.stages):
            raise SettingsError(
                "the gates of this method have no derivatives in alpha, so the watch 'curvature' has nothing to "
                "measure; leave it out, or search by another method."
            )

    def measure(self, search: StageSearch, epoch: SearchEpoch, probes: Probes) -> Seen | None:  # noqa: ARG002
        """About 40 steps."""
        (batch,), state = probes.validation(), search.state
        weights = {name: weight.detach() for name, weight in state.weights.items()}

        def loss(_weights: Tensors, alphas: Tensors) -> Tensor:
            architecture = state.architecture
            gates, active = architecture.mean_gates(alphas), architecture.active
            return functional.cross_entropy(state.supernet(batch.images, gates, active), batch.labels)

        with torch.enable_grad():
            problem = Bilevel(weights, state.alphas, loss, loss, SgdStep(0.0, 0.0, 0.0, {}))
            curvature = AlphaCurvature(problem, state.architecture.cells)
        return Seen({"eigenvalue": curvature.largest_eigenvalue(), "trace": curvature.trace()})

    def conclude(self, seen: Sequence[Observation]) -> dict[str, float | int | str | None]:
        """Spearman's rho of the eigenvalue with the accuracy of the supernet."""
        values = [each.figures.get("eigenvalue") for each in seen]
        return {
            "rank correlation with the accuracy of the supernet": rank_correlation(
                values, [each.validation_accuracy for each in seen]
            )
        }


@watch("curvature", paper="arXiv:1909.09656")
def watched_curvature() -> Curvature:
    """How sharp the validation loss is in alpha: largest eigenvalue and trace of its Hessian."""
    return Curvature()
