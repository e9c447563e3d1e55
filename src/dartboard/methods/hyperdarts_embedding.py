"""HyperDARTS with embeddings."""

from pydantic import PositiveInt

from dartboard.parts import (
    AdamUpdate,
    EmbeddingHypernetwork,
    FirstOrder,
    NonNegative,
    Recipe,
    Softmax,
    StrongestEdges,
    method,
)


@method("hyperdarts-embedding", paper="HyperDARTS (thesis)", group="response")
def hyperdarts_embedding(
    *,
    alpha_lr: NonNegative = 6e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    hyper_direct_grad: bool = True,
    embedding_size: PositiveInt = 32,
    lambda_noise: NonNegative = 0.0,
) -> Recipe:
    """HyperDARTS with embeddings: small hypernetworks generate kernels piece by piece from alpha and an embedding.

    It differs from `hyperdarts-1` in the hypernetwork: for each convolution, one small network generates the kernels of
    all cells of a kind. Kernels are joined from basic kernels, and each basic kernel has a learned embedding. The
    thesis tries this in experiment 2.1.1 and drops it because it is slow.

    Differs from the source: as `hyperdarts-1`; all kernels of a convolution are generated at once, not one after the
    other.

    Args:
        alpha_lr: learning rate of Adam on alpha.
        alpha_weight_decay: L2 factor of alpha.
        hyper_direct_grad: whether alpha also gets the direct gradient through its gates, at fixed weights.
        embedding_size: length of an embedding.
        lambda_noise: standard deviation of normal noise on alpha in weight steps, as in `hyperdarts-1`; 0: none.
    """
    return Recipe(
        relaxation=Softmax(),
        hypernetwork=EmbeddingHypernetwork(embedding_size, hyper_direct_grad, lambda_noise),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
        published={"epochs": 49, "batch_size": 48, "weight_lr": 0.05, "weight_lr_min": 0.0},
    )
