"""ENAS."""

from dartboard.parts import (
    AdamUpdate,
    Controller,
    Count,
    NonNegative,
    Positive,
    Recipe,
    ReinforceController,
    SampleAndValidate,
    Share,
    method,
)


@method("enas", paper="arXiv:1802.03268", group="trials")
def enas(
    *,
    alpha_lr: NonNegative = 1e-3,
    steps_per_update: Count = 4,
    aggregate: Count = 20,
    entropy_weight: NonNegative = 1e-4,
    baseline_decay: Share = 0.99,
    temperature: Positive = 5.0,
    squash: Positive = 2.5,
    candidates: Count = 100,
    batches: Count = 2,
) -> Recipe:
    """ENAS: a recurrent controller proposes architectures and learns from their accuracy with shared weights.

    Every weight step trains one architecture that the controller draws. After an epoch's steps REINFORCE moves the
    controller: the reward of a draw is its accuracy on a batch of validation images.

    Differs from the paper: all spaces have the settings of AutoDL-Projects for NAS-Bench-201; its 50 updates after 195
    steps become one per `steps_per_update` steps; the learning rate falls once by a cosine and does not restart every
    ten epochs; a node takes each predecessor at most once; the entropy has a gradient.
    Reference figures: NAS-Bench-201 test accuracy 54.30 % on CIFAR-10 and 15.61 % on CIFAR-100, a cell with skip
    connections only (table of Single-DARTS). CIFAR-10 error 2.89 %, 4.6 M parameters (the paper).

    Args:
        alpha_lr: learning rate of the controller.
        steps_per_update: number of weight steps in an epoch for each update of the controller.
        aggregate: number of architectures over which an update averages.
        entropy_weight: factor of the entropy (in nats) in the reward.
        baseline_decay: decay of the moving average of rewards, the baseline.
        temperature: divides the controller's logits, before the tanh.
        squash: largest absolute logit, after the tanh.
        candidates: number of architectures that are drawn and scored at the end.
        batches: number of batches, of 256 validation images each, on which they are scored.
    """
    return Recipe(
        relaxation=Controller(temperature, squash),
        update=AdamUpdate(alpha_lr, betas=(0.0, 0.999), weight_decay=0.0, grad_clip=5.0, eps=1e-3, of_logits=False),
        rules=(ReinforceController(steps_per_update, aggregate, entropy_weight, baseline_decay),),
        selection=SampleAndValidate(candidates, batches, 0, None, "relaxation"),
        published={"batch_size": 128, "epochs": 250, "weight_decay": 2.5e-4, "weight_lr": 0.05, "weight_lr_min": 5e-4},
    )
