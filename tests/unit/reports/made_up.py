"""A run directory for the report's tests: plausible numbers from a seeded generator, not the result of any run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from dartboard.records import (
    Baseline,
    Baselines,
    Candidate,
    DatasetRecord,
    Finalist,
    Finalists,
    GenotypeForms,
    NetworkScores,
    Result,
    RunRecords,
    Scores,
    SeedChoiceRecord,
)
from dartboard.reports import SECTIONS, read_facts
from dartboard.runs import PhaseEnd, RunDirectory, SearchEpoch, TrainEpoch
from dartboard.space.genotype import Genotype

DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
    "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
)
NAS_BENCH_201 = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
DARTS_OPERATIONS = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
NAS_BENCH_201_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
CLASSES = ["circle", "square", "<b>star</b>", "cross", "ring"]


class FakeRun:
    """Writes the files of a made-up run through the real run directory, one phase at a time."""

    def __init__(self, path: Path, *, epochs: int = 5, images: int = 200, classes: list[str] | None = None) -> None:
        self.path, self.epochs, self.images = path, epochs, images
        self.classes = CLASSES if classes is None else classes
        self.random = np.random.default_rng(0)
        self.directory = RunDirectory(path)
        with self.directory:
            self.directory.claim({"seed": 7, "method": {"name": "darts", "options": {}}, "space": "darts"})

    def search(self, genotype: Genotype) -> None:
        """Leave the events of a search whose gates grow towards `genotype`."""
        for epoch in range(1, self.epochs + 1):
            self.directory.events.append(self._search_event(epoch, genotype))
        self.directory.events.append(PhaseEnd(phase="search", seconds=60.0 * self.epochs))
        self.directory.write("genotype.json", genotype.to_json())

    def _search_event(self, epoch: int, genotype: Genotype) -> SearchEpoch:
        progress = epoch / self.epochs
        wobble = 0.03 * float(self.random.standard_normal())
        return SearchEpoch(
            epoch=epoch,
            epochs=self.epochs,
            steps=10,
            seconds=60.0,
            weight_loss=1.6 * 0.3**progress + wobble,
            weight_accuracy=0.9 - 0.6 * 0.1**progress,
            alpha_loss=None if epoch == 1 else 1.6 * 0.4**progress - wobble,
            validation_loss=1.6 * 0.4**progress + abs(wobble),
            validation_accuracy=0.85 - 0.6 * 0.1**progress + wobble,
            learning_rate=0.025,
            gates={kind: self._gates(kind, progress, genotype) for kind, _ in genotype.cells},
            genotype=genotype.to_json() if epoch > 2 else {"epoch": epoch},
            operations=_operations(genotype),
            operation_counts=genotype.operation_counts,
        )

    def _gates(self, kind: str, progress: float, genotype: Genotype) -> list[list[float]]:
        cell = genotype[kind]
        inputs = min(choice.target for choice in cell.choices)
        kept = {(choice.source, choice.target): choice.op for choice in cell.choices}
        rows = []
        names = _operations(genotype)
        for target in range(inputs, max(cell.outputs) + 1):
            for source in range(target):
                alpha = 0.35 * progress * self.random.standard_normal(len(names))
                if (source, target) in kept:
                    alpha[names.index(kept[source, target])] += 2.2 * progress
                rows.append((np.exp(alpha) / np.exp(alpha).sum()).tolist())
        return rows

    def choose(self, genotypes: dict[int, Genotype], **changes: Any) -> None:
        """Leave how the first of several searches, by seed, was chosen."""
        candidates = tuple(
            Candidate(
                seed=seed,
                folder=f"candidates/seed-{seed}",
                genotype=GenotypeForms.of(genotype),
                supernet_accuracy=0.9 - 0.1 * number,
                short_train_accuracy=None,
                rejected=None,
                chosen=number == 0,
            )
            for number, (seed, genotype) in enumerate(genotypes.items())
        )
        choice = {"rule": "best-supernet", "rule_violated": False, "accuracy_mean": 0.85, "accuracy_std": 0.05}
        SeedChoiceRecord.from_json({**choice, "candidates": candidates, **changes}).write(self.path)

    def compare_finalists(self, genotypes: list[Genotype], chosen: int = 1) -> None:
        """Leave how one of several proposed architectures, `chosen` from 1 on, was taken."""
        finalists = tuple(
            Finalist(
                number=number,
                folder=f"finalists/{number}",
                genotype=GenotypeForms.of(genotype),
                validation_accuracy=0.9 if number == chosen else 0.8 - 0.01 * number,
                chosen=number == chosen,
            )
            for number, genotype in enumerate(genotypes, 1)
        )
        Finalists(epochs=3, finalists=finalists).write(self.path)

    def train(self, runs: int = 1) -> None:
        """Leave the events of training runs."""
        for run in range(runs):
            for epoch in range(1, self.epochs + 1):
                progress, wobble = epoch / self.epochs, 0.02 * float(self.random.standard_normal())
                self.directory.events.append(
                    TrainEpoch(
                        run=run,
                        epoch=epoch,
                        epochs=self.epochs,
                        steps=10,
                        seconds=30.0,
                        train_loss=1.6 * 0.1**progress + wobble,
                        train_accuracy=0.97 - 0.7 * 0.05**progress,
                        validation_loss=1.6 * 0.2**progress + wobble,
                        validation_accuracy=0.94 - 0.7 * 0.05**progress + wobble / 2,
                        learning_rate=0.025,
                    )
                )
        self.directory.events.append(PhaseEnd(phase="train", seconds=30.0 * self.epochs * runs))

    def evaluate(self, runs: int = 1) -> None:
        """Leave scores, predictions and example pictures."""
        size = len(self.classes)
        labels = np.arange(self.images) % size
        wrong = self.random.random(self.images) < 0.1
        predicted = np.where(wrong, (labels + 1 + (self.random.random(self.images) < 0.3)) % size, labels)
        logits = self.random.standard_normal((self.images, size))
        logits[np.arange(self.images), predicted] += 4.5 + self.random.random(self.images)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        confusion = np.zeros((size, size), dtype=np.int64)
        np.add.at(confusion, (labels, predicted), 1)
        recall = confusion.diagonal() / confusion.sum(axis=1)
        accuracy = float((labels == predicted).mean())
        accuracies = [accuracy + 0.01 * run for run in range(runs)]
        Scores(
            runs=tuple(
                NetworkScores(
                    run=run,
                    seed=7 + run,
                    test_accuracy=value,
                    test_loss=0.3,
                    validation_accuracy=0.9,
                    seconds=150.0,
                )
                for run, value in enumerate(accuracies)
            ),
            test_accuracy_mean=float(np.mean(accuracies)),
            test_accuracy_std=float(np.std(accuracies)),
            test_images=self.images,
            balanced_accuracy=float(recall.mean()),
            recall=recall.tolist(),
            confusion=tuple(map(tuple, confusion.tolist())),
        ).write(self.path)
        np.savez(
            self.path / "predictions.npz",
            labels=labels,
            predicted=predicted,
            probabilities=probabilities.astype(np.float32),
        )
        shown = np.concatenate([np.flatnonzero(labels == predicted)[:12], np.flatnonzero(labels != predicted)[:12]])
        np.savez(
            self.path / "examples.npz",
            images=self._pictures(labels[shown]),
            labels=labels[shown],
            predicted=predicted[shown],
            confidence=probabilities.max(axis=1)[shown].astype(np.float32),
        )

    def _pictures(self, labels: np.ndarray) -> np.ndarray:
        noise = self.random.integers(0, 60, (len(labels), 16, 16, 3), dtype=np.uint8)
        for picture, label in zip(noise, labels, strict=True):
            start = 2 + int(label) % 5
            picture[start : 16 - start, start : 16 - start, int(label) % 3] += 150
        return noise

    def finish(self, genotype: Genotype) -> None:
        """Leave the summary of the whole run."""
        scores = Scores.read(self.path)
        Result(
            dataset=DatasetRecord(
                name="shapes & more",
                train=700,
                validation=100,
                test=self.images,
                classes=tuple(self.classes),
                shape=(3, 16, 16),
                notes=("No test folder was given: 200 images were set aside for the test.",),
            ),
            space=genotype.space,
            method="darts",
            seed=7,
            genotype=GenotypeForms.of(genotype),
            parameters=3349342,
            multiply_adds=528_000_000,
            seconds={"search": 300.0, "train": 150.0, "evaluation": 2.5, "total": 452.5},
            validation_accuracy=0.93,
            test_accuracy=scores.test_accuracy_mean,
            test_accuracy_std=scores.test_accuracy_std,
            device="cpu",
            versions={"python": "3.11.7", "torch": "2.8.0", "dartboard": "0.1.0"},
            command="dartboard run shapes --note '<script>'",
            run_directory=str(self.path),
            finished="2025-01-02T03:04:05+00:00",
        ).write(self.path)


def leave_baselines(path: Path) -> None:
    """Leave the record of two baselines of a run, of which the random architecture is better."""
    facts = {"test_accuracy": 0.9, "test_accuracy_std": None, "parameters": 10, "multiply_adds": 20}
    what = {"random": "a random architecture of the space", "resnet": "a plain ResNet-12, trained for 5 of 10 steps"}
    Baselines.of(
        {
            name: Baseline(
                what=each,
                difference=-0.02 if name == "random" else 0.0,
                interval=(-0.03, -0.01) if name == "random" else (-0.01, 0.01),
                run_directory=str(path / "baselines" / name),
                **facts,
            )
            for name, each in what.items()
        }
    ).write(path)


def told(path: Path) -> SimpleNamespace:
    """What the sections have to tell of a run directory, by their names with underscores; None for nothing."""
    facts = read_facts(RunRecords(path))
    return SimpleNamespace(**{entry.name.replace("-", "_"): facts.get(entry.name) for entry in SECTIONS})


def _operations(genotype: Genotype) -> tuple[str, ...]:
    return DARTS_OPERATIONS if genotype.space == "darts" else NAS_BENCH_201_OPERATIONS
