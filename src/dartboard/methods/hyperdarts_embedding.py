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


@method("hyperdarts-embedding", paper="HyperDARTS (thesis)")
def hyperdarts_embedding(
    *,
    alpha_lr: NonNegative = 3e-4,
    alpha_weight_decay: NonNegative = 1e-3,
    hyper_direct_grad: bool = True,
    embedding_size: PositiveInt = 32,
) -> Recipe:
    """HyperDARTS with embeddings: small networks make kernels piece by piece from alpha and an embedding.

    As `hyperdarts-1`, but one small network makes a convolution's kernels in all cells, joined from basic ones that
    learned embeddings tell apart. The thesis tries this as experiment 2.1.1 and leaves it for its slowness.

    Differs from the source: as `hyperdarts-1`; all kernels of a convolution are made at once and not one after the
    other; learning rates, which the thesis does not give here, are those of DARTS.

    Args:
        alpha_lr: learning rate of Adam on alpha.
        alpha_weight_decay: L2 factor of alpha.
        hyper_direct_grad: whether alpha also learns from what its gates do at fixed weights.
        embedding_size: numbers of an embedding.
    """
    return Recipe(
        relaxation=Softmax(),
        hypernetwork=EmbeddingHypernetwork(embedding_size, hyper_direct_grad),
        gradient=FirstOrder(),
        update=AdamUpdate(lr=alpha_lr, weight_decay=alpha_weight_decay),
        selection=StrongestEdges(),
        published={"batch_size": 48, "weight_lr_min": 0.0},
    )
