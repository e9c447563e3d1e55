"""The verbs that make a network from a dataset: run, search, train, plan, compare, pareto."""

import typer

from dartboard.cli.calling import at_work, make_run, resumable, typed
from dartboard.cli.options import CompareOptions, ParetoOptions, PlanOptions, RunOptions, SearchOptions, TrainOptions
from dartboard.cli.registered import showing
from dartboard.cli.taking import takes

__all__ = ["verbs"]

verbs = typer.Typer()


@verbs.command(cls=showing("presets", "choice-rules", "baselines"))
@takes(RunOptions)
def run(options: RunOptions) -> None:
    """Search an architecture, train it from scratch, test it once, and write the report.

    [bold]Examples[/]

      dartboard run flowers/
      dartboard run flowers/ --budget 30m
      dartboard run flowers/ --method darts-2nd --seed 1 --out runs/flowers
      dartboard run flowers/ --space nas-bench-201 --set search.epochs=25 --set train.epochs=40
      dartboard run flowers/ --seeds 4 --choose best-short-train
      dartboard run flowers/ --out runs/flowers --resume
    """
    make_run("run", options)


@verbs.command(cls=showing("presets", "choice-rules"))
@takes(SearchOptions)
def search(options: SearchOptions) -> None:
    """Search an architecture; the test images are not used.

    [bold]Examples[/]

      dartboard search flowers/ --out runs/flowers
      dartboard search flowers/ --space nas-bench-201 --json > result.json
    """
    make_run("search", options)


@verbs.command(cls=showing("presets"))
@takes(TrainOptions)
def train(options: TrainOptions) -> None:
    """Train a given architecture from scratch, test it once, and write the report.

    [bold]Examples[/]

      dartboard train flowers/ --genotype darts-v2 --runs 3
      dartboard train other-flowers/ --genotype runs/flowers
      dartboard train --genotype '|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|'
    """
    make_run("train", options, genotype=options.genotype)


@verbs.command(cls=showing("presets", "choice-rules", "baselines"))
@takes(PlanOptions)
def plan(options: PlanOptions) -> None:
    """Show what run would do and why, without doing it; with --genotype, what train would do.

    [bold]Example[/]

      dartboard plan flowers/ --budget 30m
    """
    from dartboard.cli.output import print_plan

    layers = options.layers()
    with at_work(options.quiet) as (api, display):
        planned = api.plan(options.data, *layers, genotype=options.genotype, observer=display)
    print_plan(planned, as_json=options.as_json)


@verbs.command(cls=showing("presets"))
@takes(ParetoOptions)
def pareto(options: ParetoOptions) -> None:
    """Search and train under each of several limits, and draw the front of cost and accuracy.

    Every run is kept with its report, in the folder NAME-LIMIT of the sweep's directory.

    [bold]Example[/]

      dartboard pareto flowers/ --sweep macs=10M,20M,50M --out runs/front
    """
    from dartboard.cli.output import print_front

    with resumable(options.out, resume=options.resume), at_work(options.quiet) as (api, display):
        front = api.pareto(
            options.data,
            *options.layers(),
            sweep=options.sweep,
            out=options.out,
            resume=options.resume,
            observer=display,
            command=typed(),
        )
    print_front(front, as_json=options.as_json)


@verbs.command(cls=showing("presets"))
@takes(CompareOptions)
def compare(options: CompareOptions) -> None:
    """Compare search methods with the same data, seeds and recipe, in a table of means and standard deviations.

    Every run is kept with its report, in the folder METHOD/seed-N of the comparison's directory.

    [bold]Examples[/]

      dartboard compare flowers/ --methods darts,gdas,drnas,random
      dartboard compare flowers/ --methods darts,random --seeds 5 --space darts --set train.epochs=60
      dartboard compare flowers/ --methods darts,darts-minus --search-only --out runs/minus --resume
    """
    from dartboard.cli.output import print_comparison

    with resumable(options.out, resume=options.resume), at_work(options.quiet) as (api, display):
        comparison = api.compare(
            options.data,
            *options.layers(),
            methods=options.names,
            seeds=options.seeds,
            train=not options.search_only,
            out=options.out,
            resume=options.resume,
            observer=display,
            command=typed(),
        )
    print_comparison(comparison, as_json=options.as_json)
