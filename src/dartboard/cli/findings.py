"""What an analysis found, in a few lines: heading -> text."""

from collections.abc import Mapping
from typing import Any

__all__ = ["describe_findings"]


def describe_findings(name: str, findings: Mapping[str, Any]) -> dict[str, str]:
    """The lines about the findings of an analysis, as in `analysis.json`; none for one that is not known here."""
    lines = {"discretisation": _discretisation, "shuffling": _shuffling}.get(name)
    return lines(findings) if lines else {}


def _discretisation(findings: Mapping[str, Any]) -> dict[str, str]:
    edges, skips = findings["edges"], findings["skips"]
    rows = {"supernet": f"{findings['supernet_accuracy']:.2%} validation accuracy, as the search left it"}
    for edge in edges:
        kind = "" if edge["kind"] == "cell" else f"{edge['kind']} "
        ordered = sorted(edge["operations"], key=lambda each: each["ranks"]["discretisation"])
        reached = ", ".join(f"{each['operation']} {each['accuracy']:.2%}" for each in ordered)
        cheap = ", ".join(f"{edge['preferred'][measure]} by {measure}" for measure in ("gate", "perturbation"))
        rows[f"{kind}{edge['source']} -> {edge['target']}"] = f"{reached} ({cheap})"
    for measure, agreed in findings["agreement"].items():
        correlation = f"; mean Kendall tau {agreed['kendall']:.2f}" if agreed["kendall"] is not None else ""
        rows[f"{measure} agrees"] = f"on {agreed['same']} of {agreed['edges']} edges{correlation}"
    if skips["edges"]:
        counts = ", ".join(f"{skips[measure]} by {measure}" for measure in skips if measure != "edges")
        rows["skip preferred"] = f"{counts}, of {skips['edges']} edges"
    return rows


def _shuffling(findings: Mapping[str, Any]) -> dict[str, str]:
    times = len(findings["permutations"])
    return {
        "before": f"{findings['before']:.2%} validation accuracy of the supernet",
        "after": f"{findings['after']:.2%} ± {findings['after_std']:.2%} with two {findings['parts']} exchanged, "
        f"{times} time{'s'[: times > 1]}",
    }
