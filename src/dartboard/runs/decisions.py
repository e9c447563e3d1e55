"""The record of a decision about an edge: the candidates, their scores, and how sure the choice is."""

import math
from typing import Literal, Self

from dartboard.runs.document import Record
from dartboard.runs.event import Event

__all__ = ["WEAK_BELOW", "Candidate", "Contrast", "DecisionMade", "EdgeScore", "ImagesBy"]

ImagesBy = Literal["all", "adaptive", "asked"]
"""How the number of images behind a decision came about: all that there are; as many as the decision needed; the number
that was asked for."""

WEAK_BELOW = 2.0
"""A decision is weak if its `z` is below this many standard errors."""


class Candidate(Record):
    """An operation of an edge, or an edge into a node, and the supernet without it."""

    name: str
    """Name of the operation, or nodes of the edge, such as 0-4."""

    gate: float | None
    """Mean gate of the operation, or weight of the edge; null where edges have no weights."""

    accuracy: float | None = None
    """Accuracy of the supernet without the candidate, as a fraction; null where the supernet was not tried."""

    loss: float | None = None
    """Mean cross-entropy per image in nats without the candidate."""

    images: int = 0
    """Number of images on which the supernet was tried without the candidate."""


class EdgeScore(Record):
    """An undecided edge of a greedy search, and its score; the edge with the largest score is decided."""

    name: str
    """Nodes of the edge, such as 0-4."""

    score: float
    """The product of the rescaled factors."""

    factors: dict[str, float]
    """The factors by name, before they are rescaled over the edges: certainty, importance, stability."""


class Contrast(Record):
    """The choice against the runner-up, image by image, as McNemar's test compares two classifiers.

    An image speaks for the choice if it is right in the supernet that should be the better one, and wrong in the other.
    An operation is chosen because the supernet without it is the worse one; an edge is given up because the supernet
    without it is the better one.
    """

    margin: float
    """Difference of the two accuracies in favour of the choice, as a fraction."""

    margin_images: int
    """The same in images."""

    b: int
    """Images that speak for the choice."""

    c: int
    """Images that speak against it."""

    z: float
    """(b - c) / sqrt(b + c), the margin in standard errors; 0 if b + c is 0."""

    @classmethod
    def of(cls, b: int, c: int, images: int) -> Self:
        """From the images that speak for and against the choice, of so many in all."""
        z = (b - c) / math.sqrt(b + c) if b + c else 0.0
        return cls(margin=(b - c) / images, margin_images=b - c, b=b, c=c, z=z)


class DecisionMade(Event):
    """An edge is decided, or edges into a node are given up, while the search goes on; written as it happens."""

    event: Literal["decision"] = "decision"
    """Kind of the event."""

    phase: Literal["search"] = "search"
    """Phase of the run."""

    by: Literal["perturbation", "gates"]
    """What tells how strong an operation is: what the supernet is without it, or its gate."""

    about: Literal["operation", "edges"]
    """What is decided: the operation of an edge, or which edges a node keeps."""

    round: int
    """Number of the round of decisions, counted from 1; a round decides once for every kind of cells."""

    epoch: int
    """Epoch to which the decision belongs, in all stages and counted from 1."""

    step: int
    """Steps that the weights had taken in that epoch before the decision."""

    kind: str
    """Kind of the cells."""

    source: int | None
    """Node that the edge leaves; null for a decision about the edges into a node."""

    target: int
    """Node that the edge enters, or that loses edges."""

    candidates: tuple[Candidate, ...]
    """All operations of the edge, or all edges that the node still had."""

    chosen: str
    """The operation that the edge keeps; for edges, the one given up that came nearest to staying."""

    given_up: tuple[str, ...] = ()
    """The edges that the node loses, the first to go first."""

    runner_up: str | None
    """The operation that would come next; for edges, the one kept that came nearest to being given up. Null if there
    was nothing to choose from."""

    by_gate: str | None
    """What the gates would have chosen: the operation with the largest one. Null where they do not tell."""

    measure: Literal["accuracy", "loss"] | None = None
    """The measure of the supernet's quality; null without trials."""

    images: int = 0
    """Images on which the chosen candidate and the runner-up were compared; 0 without trials."""

    images_by: ImagesBy | None = None
    """How that number came about."""

    coarse: bool = False
    """Whether the user asked for fewer images than a decision should rest on: 2,000, or all that there are."""

    supernet_accuracy: float | None = None
    """Accuracy of the untouched supernet on the images of the first comparison, as a fraction."""

    supernet_loss: float | None = None
    """Mean cross-entropy per image of the untouched supernet, in nats."""

    contrast: Contrast | None = None
    """The choice against the runner-up; null without trials."""

    tie: Literal["accuracy", "loss", "index"] | None = None
    """What broke the tie between the choice and the runner-up; null if there was none."""

    edge_scores: tuple[EdgeScore, ...] = ()
    """For greedy decisions: the undecided edges of the kind and their scores, the largest first."""

    seconds: float = 0.0
    """Time that the decision took."""

    @property
    def is_weak(self) -> bool:
        """Whether the choice is not two standard errors better than the runner-up; False without trials."""
        return self.contrast is not None and self.contrast.z < WEAK_BELOW
