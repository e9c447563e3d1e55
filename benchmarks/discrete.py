"""Searches without a supernet on NAS-Bench-201: what they have found after how many architectures.

    python benchmarks/discrete.py [--seeds 50] [--evaluations 150] [--arms random,evolution] [--quick]

Every architecture is looked up in the tables, so nothing is trained. The table of 200 epochs has no validation images:
the accuracy on CIFAR-10's validation images after 12 epochs chooses, and the accuracy on the test images is reported,
after 12 epochs and after 200, as the regret: points below the best architecture of the table. The tables have no
accuracies from within a training, so schedules that pause trainings (successive halving, Hyperband) cannot be measured
here; RANK-NOSH evaluates every architecture for all 12 epochs. DARTBOARD_DATA names the folder of the tables.
What is recorded is not repeated. `benchmarks/results/discrete.json` and `.md` are written after every method.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from dartboard.estimate import ArchitectureTable, find_table
from dartboard.parts.discrete import (
    NSGA2,
    TPE,
    Advance,
    DiscreteSearch,
    Evolution,
    Full,
    LocalSearch,
    Member,
    Nosh,
    Pool,
    PredictedBest,
    Uniform,
)
from dartboard.runs import make_generator
from dartboard.space import Genotype, get_space
from proxy_worth import TOGETHER, draw, numbers
from records import Records, conditions, data_root, load, save

CHOOSES, REPORTED = "cifar10_val", "cifar10_test"
EPOCHS = 12
AFTER = (10, 25, 50, 100, 150)
"""Architectures after which the best so far is reported."""

SCREENED = 4

ARMS: Mapping[str, str] = {
    "random-search": "`random-search`",
    "regularized-evolution": "`regularized-evolution`, queue of 10, 3 contenders",
    "local-search": "`local-search`, 10 starts, all neighbours",
    "tpe": "`tpe`, 10 random first",
    "nsga2": "`nsga2`, generations of 20",
    "proxies": f"proxies first: the best of {SCREENED} times as many by naswot, synflow and az-nas",
    "rank-nosh": "`rank-nosh` without pauses, 32 random first, 16 an update, one network of 10 passes",
}


def main() -> None:
    """Search with every method and seed that is not recorded yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--evaluations", type=int, default=AFTER[-1])
    parser.add_argument("--arms", default=",".join(ARMS), help="which methods")
    parser.add_argument("--quick", action="store_true", help="one seed, to see that everything works")
    parser.add_argument("--folder", type=Path, help="where the results go instead of benchmarks/results")
    asked = parser.parse_args()
    os.environ["DARTBOARD_DATA"] = str(data_root())
    torch.set_num_threads(1)
    folder = {"folder": asked.folder} if asked.folder else {}
    records = load("discrete", **folder)
    records.setdefault("found", {})
    for arm in asked.arms.split(","):
        own = records["found"].setdefault(arm, {"seconds": 0.0, "chosen": {}})
        for seed in range(1 if asked.quick else asked.seeds):
            if str(seed) not in own["chosen"]:
                started = time.process_time()
                own["chosen"][str(seed)] = chosen_after(history(arm, asked.evaluations, seed))
                own["seconds"] += time.process_time() - started
        records |= conditions(torch.device("cpu"))
        save("discrete", records, as_table, **folder)
        print(f"{arm}: {len(own['chosen'])} seeds, {own['seconds']:.0f} s", flush=True)
    print(as_table(records))


def history(arm: str, evaluations: int, seed: int) -> Sequence[Genotype]:
    """The architectures that a method looks up, in order."""
    full = Full(evaluations, (EPOCHS,))
    searches = {
        "random-search": lambda: DiscreteSearch(Uniform(), full),
        "regularized-evolution": lambda: DiscreteSearch(Evolution(), full),
        "local-search": lambda: DiscreteSearch(LocalSearch(), full),
        "tpe": lambda: DiscreteSearch(TPE(), full),
        "nsga2": lambda: DiscreteSearch(NSGA2(), full),
        "rank-nosh": lambda: DiscreteSearch(
            PredictedBest(networks=1, passes=10), Nosh((EPOCHS,), 0.5, 32, 16, evaluations)
        ),
    }
    if arm == "proxies":
        return screened(evaluations, seed)
    pool = searched(searches[arm](), lambda genotype: find_table(EPOCHS).accuracy(genotype, CHOOSES) / 100, seed)
    return [member.architecture for member in pool.members[:evaluations]]


def searched(search: DiscreteSearch, accuracy: Callable[[Genotype], float], seed: int) -> Pool:
    """A search in memory: what the loop of a run does, without files and clocks."""
    space, pool = get_space("nas-bench-201"), Pool(epochs=search.schedule.epochs, evaluated_by="table-12")
    while (step := search.schedule.next(pool)) is not None:
        if isinstance(step, Advance):
            for number in step.numbers:
                member = pool.members[number]
                found = (*member.accuracies, accuracy(member.architecture))
                pool = pool.with_member(member.model_copy(update={"accuracies": found, "epochs": EPOCHS}))
            continue
        first = len(pool.members)
        proposed = search.sampler.propose(pool, space, step.wanted, make_generator(seed, "discrete", "propose", first))
        if not proposed:
            break
        pool = pool.joined(*(Member(number=first + at, genotype=each.to_json()) for at, each in enumerate(proposed)))
    return pool


def screened(evaluations: int, seed: int) -> Sequence[Genotype]:
    """The best by proxies of several times as many architectures, drawn from those of `benchmarks/proxies.py`."""
    recorded = load("proxies")
    own = {name: recorded["values"][name] for name in TOGETHER}
    order = dict(numbers({**recorded, "values": own}))[f"mean rank of {', '.join(TOGETHER)}"]
    thousand = draw(find_table(EPOCHS), len(order), recorded["setting"]["seed"])
    drawn = torch.randperm(len(thousand), generator=make_generator(seed, "benchmark", "discrete")).tolist()
    best = sorted(drawn[: SCREENED * evaluations], key=lambda place: -order[place])
    return [thousand[place] for place in best[:evaluations]]


def chosen_after(looked_up: Sequence[Genotype]) -> dict[str, int]:
    """Number of architectures -> index in the benchmark of the one that the validation images choose of them."""
    table = find_table(EPOCHS)
    accuracies = [table.accuracy(each, CHOOSES) for each in looked_up]
    return {
        str(count): table.number(looked_up[int(np.argmax(accuracies[:count]))])
        for count in AFTER
        if count <= len(looked_up)
    }


def regrets(chosen: Mapping[str, Mapping[str, int]], count: int, epochs: int) -> list[float]:
    """Points that the chosen architectures lack to the best of a table, one for every seed."""
    table = find_table(epochs)
    column = table.accuracies(REPORTED)
    worth = dict(zip(table.numbers, column, strict=True))
    return [float(column.max() - worth[own[str(count)]]) for own in chosen.values() if str(count) in own]


def as_table(records: Records) -> str:
    """The records as markdown."""
    tables: dict[int, ArchitectureTable] = {epochs: find_table(epochs) for epochs in (200, 12)}
    lines = ["# Searches without a supernet on NAS-Bench-201", ""]
    lines += [
        "Regret on CIFAR-10: points of test accuracy below the best architecture of the table, mean ± standard error "
        f"over seeds. The accuracy on validation images after {EPOCHS} epochs chooses among what a method has looked "
        f"up; each architecture costs {EPOCHS} epochs.",
        "",
    ]
    for epochs, table in tables.items():
        lines += [f"## Test accuracy after {epochs} epochs (best {table.accuracies(REPORTED).max():.2f} %)", ""]
        lines += ["| method | seeds | " + " | ".join(f"{count} looked up" for count in AFTER) + " |"]
        lines += ["|---|---|" + "---|" * len(AFTER)]
        for arm, own in records["found"].items():
            cells = [_cell(regrets(own["chosen"], count, epochs)) for count in AFTER]
            lines.append(f"| {ARMS[arm]} | {len(own['chosen'])} | " + " | ".join(cells) + " |")
        lines.append("")
    limit = _limit(tables)
    lines += [
        f"Whoever looks up all {len(tables[12]):,} architectures and lets the same validation accuracy choose has a "
        f"regret of {limit[200]:.2f} after 200 epochs and {limit[12]:.2f} after 12: no search that "
        "chooses by it can count on less.",
        "",
        "Successive halving and Hyperband are not in the table: it has no accuracies from within a training. The "
        "scores of the proxies are those of `benchmarks/proxies.py`, and come on top of the epochs; they are known of "
        "1,000 architectures, so that row cannot come below the best of these.",
        "",
        "Published for another benchmark, NAS-Bench-101 with accuracies of its own, so of the order only: test error "
        "after 150 evaluations of random search 6.341 %, TPE 6.415, BOHB 6.356, evolution 6.109, local search 5.932 "
        "and BANANAS 5.923 (White et al., arXiv:2004.08996). Published for the table of 200 epochs of this benchmark: "
        "an optimum of 94.37 %, and DrNAS with 94.36 % (Chen et al., ICLR 2021).",
        "",
        f"{sum(own['seconds'] for own in records['found'].values()):.0f} s of one core in all. {records['machine']}, "
        f"{records['date']}."
        if {"machine", "date"} <= records.keys()
        else "",
    ]
    return "\n".join(lines).rstrip() + "\n"


def _limit(tables: Mapping[int, ArchitectureTable]) -> dict[int, float]:
    best = int(np.argmax(tables[EPOCHS].accuracies(CHOOSES)))
    number = list(tables[EPOCHS].numbers)[best]
    return {epochs: regrets({"all": {"0": number}}, 0, epochs)[0] for epochs in tables}


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{np.mean(values):.2f} ± {error:.2f}" if len(values) > 1 else f"{values[0]:.2f}"


if __name__ == "__main__":
    main()
