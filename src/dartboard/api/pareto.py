"""The verb that sweeps a limit and draws the Pareto front of what the searches find."""

from pathlib import Path

from dartboard.api.runs import run
from dartboard.data import Data
from dartboard.display import fitting_observer
from dartboard.errors import DeviceMemoryError, NonFiniteLossError
from dartboard.records import ParetoFront, ParetoPoint
from dartboard.reports import write_pareto
from dartboard.runs import Observer, RunDirectory, next_free
from dartboard.settings import search_request
from dartboard.settings.migration import migrate
from dartboard.workflow import command_to_repeat, parse_sweep, point_of
from dartboard.workflow.opening import Layer, Place, opened

__all__ = ["pareto"]


def pareto(
    data: Data | None = None,
    *layers: Layer,
    sweep: str,
    out: Place | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    command: str = "dartboard.pareto(...)",
) -> ParetoFront:
    """Search and train under each of several limits, and draw the Pareto front of cost and validation accuracy.

    Every run is an ordinary one in a folder of its own, `NAME-LIMIT`, as `run` makes it with that limit.

    Args:
        data: a folder or file in any layout, "hf:owner/name", arrays as `(images, labels)` or a dict with `x_train`,
            `y_train`, `x_test` and `y_test`; None means scikit-learn's digits.
        layers: settings that all runs share, with nested or dotted keys; later layers win.
        sweep: the limits, as in "macs=10M,20M,50M", "params=300k,1M" or "latency=2ms,5ms".
        out: directory of the sweep; None makes a new one under `runs/`.
        resume: continue the sweep in `out`, or begin it there; runs that have ended are only read.
        observer: is told about progress; None shows it in IPython and notebooks, `dartboard.progress()` everywhere.
        command: text to record as the command that was typed.

    Returns:
        The front, as in `pareto.json`; `pareto.html` beside that file draws it.

    Raises:
        DartboardError: the request cannot be carried out, or nothing can meet the lowest limit; the message is one
            sentence for the user.
    """
    wanted, place = parse_sweep(sweep), Path(out) if out else next_free(Path("runs") / "pareto")
    with observer or fitting_observer() as watching, RunDirectory(place) as directory:
        shared = search_request(data, (*layers, wanted.layer(wanted.lowest)), ("search", "train"))
        settings = {**shared.asked.model_dump(mode="json"), "limits": None, "sweep": sweep}
        directory.check(settings, resume=resume, migrate=migrate)
        if not directory.has("settings.json"):
            with opened(data, shared, place / wanted.folder(wanted.lowest), True, watching):
                pass  # what cannot be done is refused before anything is searched
        directory.write("settings.json", settings)
        points: list[ParetoPoint] = []
        failed: dict[str, str] = {}
        dataset = ""
        for number, text in enumerate(wanted.texts, 1):
            folder = place / wanted.folder(text)
            watching.note(f"Run {number} of {len(wanted.texts)}: {wanted.cost} of at most {text}, in {folder}.")
            again = command_to_repeat("run", folder)
            try:
                result = run(
                    data, *layers, wanted.layer(text), out=folder, resume=True, observer=watching, command=again
                )
            except (NonFiniteLossError, DeviceMemoryError) as error:
                watching.note(f"This run failed: {error}")
                failed[f"limit {text}"] = str(error)
            else:
                dataset = result.dataset.name
                if point := point_of(wanted, text, result):
                    points.append(point)
                else:
                    failed[f"limit {text}"] = "No images are held out for validation, so it has no accuracy here."
            front = ParetoFront.of(
                points,
                dataset=dataset,
                cost=wanted.cost,
                accuracy="validation accuracy",
                failed=failed,
                command=command,
                directory=str(place),
            )
            front.write(place)
            write_pareto(place)
    return front
