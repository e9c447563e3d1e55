"""Summary of a run: a headline, a few sentences and the main figures."""

from collections.abc import Iterator
from dataclasses import dataclass

from dartboard.records import Beginning
from dartboard.records.reader import RunRecords
from dartboard.reports.measures import wilson_interval
from dartboard.reports.section import Section, section
from dartboard.reports.verdict import run_verdict
from dartboard.runs import Objective
from dartboard.wording import compact, count, duration, listing, percent, thousands

__all__ = ["SummaryFacts", "SummarySection", "run_title"]

_STEPS = {"search": "the search", "train": "the training"}


@dataclass(frozen=True)
class SummaryFacts:
    """The facts at the top of the page. Accuracies are fractions, None where they were not measured.

    Attributes:
        title: headline, such as "digits: found by darts in nas-bench-201".
        sentences: two or three sentences about the run.
        verdict: whether the search was worth its time; empty where nothing was compared.
        objective: the objective of the run.
        test_accuracy: mean test accuracy over the trained networks.
        test_accuracy_std: its standard deviation over the networks; None for a single network.
        networks: number of tested networks.
        interval: 95% Wilson interval of the test accuracy of a single network.
        test_images: number of test images.
        balanced_accuracy: balanced accuracy on the test images.
        validation_accuracy: accuracy on the held-out validation images.
        validation_balanced_accuracy: balanced accuracy on the same images.
        parameters: number of learned parameters.
        multiply_adds: multiply-adds for one image.
        seconds: seconds of the whole run.
        device: device that the run used.
        analysed: whether the run is an analysis of a search, without a network of its own.
    """

    title: str
    sentences: str
    verdict: str
    objective: Objective
    test_accuracy: float | None
    test_accuracy_std: float | None
    networks: int
    interval: tuple[float, float] | None
    test_images: int
    balanced_accuracy: float | None
    validation_accuracy: float | None
    validation_balanced_accuracy: float | None
    parameters: int | None
    multiply_adds: int | None
    seconds: float | None
    device: str | None
    analysed: bool


@section("summary")
class SummarySection(Section[SummaryFacts]):
    """Summary of a run: a headline, a few sentences and the main figures."""

    order = 0

    def read(self, run: RunRecords) -> SummaryFacts:
        """The facts of a finished run, or those known so far of an unfinished run."""
        result, scores = run.result, run.scores
        networks, images = (len(scores.runs), scores.test_images) if scores else (0, 0)
        accuracy = result.test_accuracy if result else scores.test_accuracy_mean if scores else None
        spread = result.test_accuracy_std if result else scores.test_accuracy_std if scores else None
        validation, validation_balanced = _validation(run)
        return SummaryFacts(
            title=run_title(run),
            sentences=" ".join(_sentences(run)),
            verdict=run_verdict(run),
            objective=result.objective if result else "accuracy",
            test_accuracy=accuracy,
            test_accuracy_std=spread if networks > 1 or spread else None,
            networks=networks,
            interval=wilson_interval(accuracy, images) if accuracy is not None and networks == 1 and images else None,
            test_images=images,
            balanced_accuracy=result.balanced_accuracy if result else scores.balanced_accuracy if scores else None,
            validation_accuracy=validation,
            validation_balanced_accuracy=validation_balanced,
            parameters=result.parameters if result else None,
            multiply_adds=result.multiply_adds if result else None,
            seconds=result.seconds.get("total") if result else None,
            device=run.device,
            analysed=run.analysis is not None,
        )

    def lines(self, told: SummaryFacts) -> dict[str, str]:
        """Accuracies and size of the network; empty for an analysis."""
        if told.analysed:
            return {}
        balanced = told.objective == "balanced-accuracy"
        rows = {
            "test accuracy": (told.test_accuracy, told.test_accuracy_std),
            "balanced accuracy": (told.balanced_accuracy if balanced else None, None),
            "validation accuracy": (told.validation_accuracy, None),
            "validation, balanced": (told.validation_balanced_accuracy if balanced else None, None),
        }
        sizes = {"parameters": told.parameters, "multiply-adds": told.multiply_adds}
        return {heading: percent(value, spread) for heading, (value, spread) in rows.items() if value is not None} | {
            heading: f"{size:,}" for heading, size in sizes.items() if size is not None
        }


def _validation(run: RunRecords) -> tuple[float | None, float | None]:
    """The validation accuracies of the result, or those of the last epoch of the first training."""
    if run.result and run.result.validation_accuracy is not None:
        return run.result.validation_accuracy, run.result.validation_balanced_accuracy
    if not run.train_epochs:
        return None, None
    last = next(iter(run.train_epochs.values()))[-1]
    return last.validation_accuracy, last.validation_balanced_accuracy


def run_title(run: RunRecords) -> str:
    """The headline, as in "digits: found by darts in nas-bench-201"; unknown parts are left out."""
    method, space, winner = _method(run), _space(run), _winner(run)
    if winner:
        found = f"{winner}, chosen in a contest,"
    elif method:
        found = f"{'found' if run.search_epochs or not run.events else 'drawn'} by {method}"
    else:
        found = "an architecture"
    return (f"{_dataset(run)}: {found}" + (f" in {space}" if space else "")).rstrip(",")


def _winner(run: RunRecords) -> str:
    """The winner of a contest in words, if it is not the network found; else empty."""
    contest = run.contest
    return contest.chosen.what if contest and contest.winner and contest.chosen.name != "found" else ""


def _dataset(run: RunRecords) -> str:
    return run.dataset.name if run.dataset else run.path.resolve().name


def _method(run: RunRecords) -> str | None:
    if run.result:
        return run.result.method
    # Without a search the setting is only a default, since the architecture was given.
    return run.settings["method"]["name"] if run.settings and run.search_epochs else None


def _space(run: RunRecords) -> str | None:
    if run.result:
        return run.result.space
    return run.settings.get("space") or (run.genotype.space if run.genotype else None)


def _sentences(run: RunRecords) -> Iterator[str]:
    yield _architecture_sentence(run)
    trained = next(iter(run.train_epochs.values()), ())
    if run.scores:
        yield _test_sentence(run, trained[-1].epoch if trained else None)
    elif trained:
        tested = "is not tested yet"
        if (run.path / "predictions.npy").exists():
            tested = "no test accuracy can be given: the test images have no labels"
        elif run.dataset and run.dataset.test == 0:
            tested = "is not tested: no images were set aside for a test"
        yield f"Its network was trained for {count(len(trained), 'epoch')} and {tested}."
    total, device = run.result.seconds.get("total") if run.result else None, run.device
    if total is not None:
        yield f"The whole run took {duration(total)}" + (f" on {device}." if device else ".")
    if run.result is None and run.beginning is not None:
        yield _unfinished_sentence(run, run.beginning)


def _unfinished_sentence(run: RunRecords, beginning: Beginning) -> str:
    """What a run lacks that has not ended, and how it goes on."""
    done = {"search": run.genotype is not None, "train": (run.path / "model.json").exists()}
    missing = [_STEPS[step] for step in beginning.steps if not done[step]]
    if "train" in beginning.steps and run.dataset is not None and run.dataset.test and not run.scores:
        missing.append("the test")
    lacks = f"{listing(missing)} {'is' if len(missing) == 1 else 'are'} missing" if missing else "its end is missing"
    where = f" on {beginning.device}"
    return f"This run{where} has not ended: {lacks}. It goes on with: {beginning.command_to_resume(run.path)}"


def _architecture_sentence(run: RunRecords) -> str:
    images, method, space = _images(run), _method(run), _space(run)
    named, where = f"the method {method}" if method else "a method", f" in the space {space}" if space else ""
    if run.analysis:
        return f"On {images}, a finished search by {named}{where} was analysed; nothing was searched again."
    if run.search_epochs:
        seeds = f" (chosen among {count(len(run.seed_choice.candidates), 'seed')})" if run.seed_choice else ""
        text = f"On {images}, {named} searched for {count(len(run.search_epochs), 'epoch')}{seeds}{where}"
    elif method and run.genotype:
        text = f"On {images}, {named} drew an architecture{where} without training a supernet"
    elif run.result or run.settings.get("genotype"):
        text = f"On {images}, a given architecture{where} was used"
    else:
        return f"On {images}, no epoch of a search{where} has ended yet."
    if run.finalists:
        proposed = len(run.finalists.finalists)
        text += f"; of {proposed} proposed architectures, the best after a short training was chosen"
    if winner := _winner(run):
        text += f"; a contest chose {winner} instead of the architecture found"
    if run.search_epochs and not run.genotype:
        return f"{text}; no architecture has been found yet."
    parameters = run.result.parameters if run.result else None
    return f"{text}; the result is a network with {compact(parameters)} parameters." if parameters else f"{text}."


def _images(run: RunRecords) -> str:
    dataset = run.dataset
    if dataset is None:
        return _dataset(run)
    counts = {"training": dataset.train, "validation": dataset.validation, "test": dataset.test}
    parts = [f"{thousands(images)} {name}" for name, images in counts.items() if images]
    kinds = f" of {count(len(dataset.classes), 'class', 'classes')}" if dataset.classes else ""
    return f"{dataset.name} ({', '.join(parts)} images{kinds})" if parts else dataset.name


def _test_sentence(run: RunRecords, epochs: int | None) -> str:
    scores = run.scores
    assert scores is not None
    start = "Started from the weights of the supernet and trained" if run.inherits else "Trained from scratch"
    trained = f"{start} for {count(epochs, 'epoch')}, it" if epochs else "It"
    several = len(scores.runs) > 1
    accuracy = percent(scores.test_accuracy_mean, scores.test_accuracy_std if several else None)
    result = f"{accuracy} of the {thousands(scores.test_images)} test images correctly"
    if several:
        result += f" ({count(len(scores.runs), 'run')})"
    elif scores.test_images:
        low, high = wilson_interval(scores.test_accuracy_mean, scores.test_images)
        result += f" (95% interval {percent(low, digits=1)} to {percent(high, digits=1)})"
    return f"{trained} classifies {result}."
