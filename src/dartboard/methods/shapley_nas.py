"""Shapley-NAS."""

from dartboard.parts import Count, NonNegative, Recipe, SgdUpdate, ShapleyMoves, Share, Softmax, method
from dartboard.supernet import Mixing


@method("shapley-nas", paper="arXiv:2206.09811", group="supernet")
def shapley_nas(
    *,
    alpha_lr: NonNegative = 0.1,
    samples: Count = 10,
    images: Count = 1024,
    moves: Count = 25,
    momentum: Share = 0.8,
    stop: Share = 0.5,
    warm_up: Share = 0.5,
    same_images: bool = False,
    channel_share: Count = 4,
) -> Recipe:
    """Shapley-NAS: alpha moves by what each operation contributes to the accuracy of the supernet.

    No gradient is asked: operations are removed from the supernet in random orders, and the loss of accuracy on
    validation images at its removal, averaged over orders, is what an operation is worth (Shapley's value). The score
    is the mean minus the standard deviation, so that operations whose worth is uncertain come last. So do those that a
    sample does not reach, since it ends once half the accuracy is lost.

    A move of the paper takes up to `samples` times the number of operations trials of the supernet: 1,970 in the DARTS
    space, 310 in NAS-Bench-201, each on 1,024 images, more work than the epoch before it. Short searches should take
    less, such as `samples=4`, `images=256` and `moves=5`; the plan counts what is asked for.

    Differs from the paper: batch statistics in all trials, where the code takes running ones after every second epoch;
    as many channels as in PC-DARTS, without its edge weights.

    Reference figures: CIFAR-10 error 2.43 % at best, 3.6 M parameters (leaderboard); the average and the figures on
    NAS-Bench-201 were not checked. A later study finds ten samples far too few.

    Args:
        alpha_lr: step of alpha along the moving average of the scores.
        samples: random orders of a move.
        images: validation images of each.
        moves: moves of alpha, spread over the epochs after the warm-up, at most one an epoch.
        momentum: share of the old scores in the moving average.
        stop: share of the whole accuracy below which a sample ends.
        warm_up: share of the epochs in which the weights learn alone.
        same_images: whether all orders of a move are tried on the same images.
        channel_share: 1 / channel_share of the channels goes through the operations.
    """
    return Recipe(
        relaxation=Softmax(),
        only_selectable=True,
        mixing=Mixing(channel_share=channel_share),
        update=SgdUpdate(alpha_lr),
        rules=(ShapleyMoves(samples, images, moves, momentum, stop, warm_up, same_images),),
        published={"batch_size": 256, "weight_lr": 0.1, "weight_lr_min": 0.0},
        published_in={"preset:darts-imagenet": {"batch_size": 1024, "weight_lr": 0.5}},
    )
