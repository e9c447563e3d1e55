"""All that can be registered, one shelf for each kind of thing, by the word after `dartboard` that lists it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from dartboard.registry import Registry

__all__ = ["REGISTRIES", "Shelf"]


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where the things of one kind are registered. It names modules by their texts, since they stand in higher rooms.

    Attributes:
        what: what they are, in the plural.
        one: what one of them is, in messages.
        use: how one is asked for on the command line; empty where none is asked for by name.
        options: how an option of one is set there; empty where they have no options.
        group: entry-point group of other packages.
        registry: module and name of the registry, as in "module:NAME".
        decorator: name of the function that registers another.
        ours: module or package in which our own are registered.
        groups: key of a group -> its heading, in the order of lists; empty where things are listed by name alone.
    """

    what: str
    one: str
    use: str = ""
    options: str = ""
    group: str
    registry: str
    decorator: str
    ours: str
    groups: Mapping[str, str] = field(default_factory=dict)

    def heading(self, group: str) -> str:
        """The heading of a group; things of other packages may have none that is known here."""
        return self.groups.get(group, "Others")

    @property
    def module(self) -> str:
        """The module that holds the registry."""
        return self.registry.partition(":")[0]

    def open(self) -> Registry[Any]:
        """The registry with all that is ours in it; imports what that needs, torch among it."""
        import_module(self.ours)
        found: Registry[Any] = getattr(import_module(self.module), self.registry.partition(":")[2])
        return found


REGISTRIES: Mapping[str, Shelf] = {
    "methods": Shelf(
        what="search methods",
        one="method",
        use="--method NAME",
        options="--set method.options.OPTION=VALUE",
        group="dartboard.methods",
        registry="dartboard.parts:METHODS",
        decorator="method",
        ours="dartboard.methods",
        groups={
            "baseline": "No search, to compare with",
            "first": "A first search: cheap, or well known",
            "memory": "Little time and memory a step",
            "skips": "No collapse to skip connections",
            "sharpness": "A search that notices or smooths a sharp loss",
            "supernet": "A choice by the trained supernet, not by alpha",
            "steps": "A supernet that comes near the final network in steps",
            "exploration": "Gates that are drawn, to explore",
            "trials": "Architectures that are tried with shared weights, without a gradient of alpha",
            "competition": "Operations that compete in another way",
            "response": "How the weights respond to alpha",
            "attention": "Attention modules",
            "discrete": "No supernet: architectures are trained, or looked up, one by one",
        },
    ),
    "spaces": Shelf(
        what="search spaces",
        one="space",
        use="--space NAME",
        options="--space NAME:OPTION=VALUE",
        group="dartboard.spaces",
        registry="dartboard.space:SPACES",
        decorator="space",
        ours="dartboard.space.spaces",
    ),
    "operations": Shelf(
        what="candidate operations of the search spaces",
        one="operation",
        group="dartboard.ops",
        registry="dartboard.space:OPS",
        decorator="op",
        ours="dartboard.space.ops",
    ),
    "presets": Shelf(
        what="presets, each a layer of settings below your own",
        one="preset",
        use="--preset NAME",
        group="dartboard.presets",
        registry="dartboard.settings:PRESETS",
        decorator="preset",
        ours="dartboard.settings.presets",
    ),
    "choice-rules": Shelf(
        what="rules that choose among the searches of several seeds",
        one="choice rule",
        use="--choose NAME",
        group="dartboard.choice_rules",
        registry="dartboard.engine:CHOICE_RULES",
        decorator="choice_rule",
        ours="dartboard.engine.finished.seed_choice",
    ),
    "baselines": Shelf(
        what="baselines that are trained beside the network found",
        one="baseline",
        use="--baselines",
        group="dartboard.baselines",
        registry="dartboard.session:BASELINES",
        decorator="baseline",
        ours="dartboard.session.baselines",
    ),
    "selections": Shelf(
        what="selections from the supernet of a finished search",
        one="selection",
        use="dartboard select RUN --with NAME",
        options="--set OPTION=VALUE",
        group="dartboard.selections",
        registry="dartboard.engine:RESELECTIONS",
        decorator="reselection",
        ours="dartboard.engine.finished.reselection",
    ),
    "analyses": Shelf(
        what="analyses of a finished search",
        one="analysis",
        use="dartboard analyse RUN --what NAME",
        options="--set OPTION=VALUE",
        group="dartboard.analyses",
        registry="dartboard.engine:ANALYSES",
        decorator="analysis",
        ours="dartboard.engine.finished.analyses",
    ),
    "watches": Shelf(
        what="watches, which measure while a search goes on",
        one="watch",
        use="--watch NAME,...",
        options="--watch NAME:OPTION=VALUE",
        group="dartboard.watches",
        registry="dartboard.engine:WATCHES",
        decorator="watch",
        ours="dartboard.engine.watches",
    ),
    "proxies": Shelf(
        what="zero-cost proxies, which guess what an architecture is worth before any training",
        one="proxy",
        use="dartboard score ARCH --proxies NAME,...",
        group="dartboard.proxies",
        registry="dartboard.estimate.proxies:PROXIES",
        decorator="proxy",
        ours="dartboard.estimate.proxies",
        groups={
            "size": "Size alone: the figures to beat",
            "gradients": "Gradients of a loss, or of the outputs",
            "patterns": "Patterns of ReLU signs",
            "responses": "How outputs answer to inputs and weights",
            "several": "Several numbers, combined by ranks",
        },
    ),
    "studies": Shelf(
        what="ready studies, each the protocol of a paper",
        one="study",
        use="dartboard study NAME",
        group="dartboard.studies",
        registry="dartboard.workflow.studies.protocols:READY_STUDIES",
        decorator="ready_study",
        ours="dartboard.workflow.studies.protocols",
    ),
    "sections": Shelf(
        what="sections of a report",
        one="report section",
        group="dartboard.report_sections",
        registry="dartboard.reports:SECTIONS",
        decorator="section",
        ours="dartboard.reports.sections",
    ),
}
"""All that can be registered, by the word after `dartboard` that lists it; `dartboard.list_methods()` in Python."""
