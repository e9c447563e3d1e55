"""Batches of the images of a session."""

from dartboard.data import Augmentation, AugmentSettings, Batches, ImageView, Part
from dartboard.session.session import Session

__all__ = ["EVALUATION_BATCH", "batches_of", "part_batches"]

EVALUATION_BATCH = 256


def part_batches(
    session: Session, part: Part, augment: AugmentSettings, batch_size: int, *, balanced: bool = False
) -> Batches:
    """Batches of one part of the dataset, such as "train"; `balanced` draws all classes equally often."""
    view = session.splits.view(session.dataset, part)
    return batches_of(session, view, augment, batch_size, balanced=balanced)


def batches_of(
    session: Session, view: ImageView, augment: AugmentSettings, batch_size: int, *, balanced: bool = False
) -> Batches:
    """Batches of a view of the dataset; `balanced` draws all classes equally often."""
    augmentation = Augmentation(augment, session.normalization, session.dataset.image_shape)
    reading = session.settings.data
    return Batches(
        view,
        augmentation,
        batch_size=batch_size,
        device=session.device,
        balanced=balanced,
        memory_mib=reading.memory_mib,
        workers=reading.workers,
    )
