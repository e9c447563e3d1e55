"""The files of a run directory, as typed documents."""

from dartboard.records.allowances import Allowance, Allowances
from dartboard.records.baselines import Baseline, Baselines
from dartboard.records.choice import Candidate, Finalist, Finalists, SeedChoiceRecord
from dartboard.records.comparison import ChosenRun, ComparedMethod, ComparedRun, Comparison
from dartboard.records.contest import Contest, Contestant, SearchWorth, survivors
from dartboard.records.dataset import DataFinding, DatasetRecord, GenotypeForms, RunDataset
from dartboard.records.finished import AnalysisRecord, ReselectionRecord
from dartboard.records.limits import LimitMet, LimitsRecord
from dartboard.records.notebook import notebook_view
from dartboard.records.pareto import ParetoFront, ParetoPoint, on_front
from dartboard.records.published import PublishedFigure, find_published, to_set_beside
from dartboard.records.reader import RunRecords
from dartboard.records.result import CollapseSummary, Result
from dartboard.records.scale import RunScale, scale_sentence, scales_of
from dartboard.records.scores import NetworkScores, Scores
from dartboard.records.start import Beginning, Split, Timetable
from dartboard.records.statistics import PairStatistics, RankStatistics, Statistics, statistics_of
from dartboard.records.study import Study, StudyBlock, StudyRecord, StudyRow
from dartboard.records.tables import TableLookUp
from dartboard.records.tested_images import TestedImages
from dartboard.records.trials import RunFigures, TrialResult
from dartboard.runs import CollapsedSearch, Document

__all__ = [
    "DOCUMENTS",
    "Allowance",
    "Allowances",
    "AnalysisRecord",
    "Baseline",
    "Baselines",
    "Beginning",
    "Candidate",
    "ChosenRun",
    "CollapseSummary",
    "ComparedMethod",
    "ComparedRun",
    "Comparison",
    "Contest",
    "Contestant",
    "DataFinding",
    "DatasetRecord",
    "Finalist",
    "Finalists",
    "GenotypeForms",
    "LimitMet",
    "LimitsRecord",
    "NetworkScores",
    "PairStatistics",
    "ParetoFront",
    "ParetoPoint",
    "PublishedFigure",
    "RankStatistics",
    "ReselectionRecord",
    "Result",
    "RunDataset",
    "RunFigures",
    "RunRecords",
    "RunScale",
    "Scores",
    "SearchWorth",
    "SeedChoiceRecord",
    "Split",
    "Statistics",
    "Study",
    "StudyBlock",
    "StudyRecord",
    "StudyRow",
    "TableLookUp",
    "TestedImages",
    "Timetable",
    "TrialResult",
    "find_published",
    "notebook_view",
    "on_front",
    "scale_sentence",
    "scales_of",
    "statistics_of",
    "survivors",
    "to_set_beside",
]

DOCUMENTS: tuple[type[Document], ...] = (
    Beginning,
    Split,
    RunDataset,
    Timetable,
    CollapsedSearch,
    SeedChoiceRecord,
    Finalists,
    Contest,
    Allowances,
    LimitsRecord,
    Scores,
    Baselines,
    ReselectionRecord,
    AnalysisRecord,
    Result,
    Comparison,
    ParetoFront,
    Study,
    StudyRecord,
)
"""All documents of a run directory, in the order in which a run writes them."""
