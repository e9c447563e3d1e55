"""Run directories: files, events, checkpoints and seeds, from plain numbers and state dicts, without models."""

from dartboard.runs.accuracies import Fraction, TestAccuracies, ValidationAccuracies
from dartboard.runs.collapsed import CollapsedSearch
from dartboard.runs.decisions import Candidate, Contrast, DecisionMade, EdgeScore, ImagesBy
from dartboard.runs.directory import RunDirectory, next_free
from dartboard.runs.document import Document, Record, Version, first_fault
from dartboard.runs.event import Event
from dartboard.runs.event_log import EventLog
from dartboard.runs.events import (
    EVENTS,
    Epoch,
    Evaluated,
    KeptWeights,
    MeasurementDone,
    PhaseEnd,
    PredictorJudged,
    Rollback,
    SearchEpoch,
    SearchStop,
    SelectionDone,
    TrainEpoch,
    event_of,
    step_work,
)
from dartboard.runs.files import check_new_file, read_arrays, read_json, write_atomically, write_json, write_text
from dartboard.runs.lengths import Length, TimeLimit
from dartboard.runs.meter import (
    TEST_KEYS,
    VALIDATION_KEYS,
    Meter,
    Objective,
    Score,
    ScoreMeter,
    StepMeans,
    validation_facts,
)
from dartboard.runs.observer import Observer
from dartboard.runs.progress_keeper import ProgressKeeper
from dartboard.runs.seeding import Replayed, derive_seed, make_generator, seeded_initialization
from dartboard.runs.tables import csv_rows, csv_text
from dartboard.runs.trial_progress import StudyProgress, TrialProgress
from dartboard.runs.watched import Watched

__all__ = [
    "EVENTS",
    "TEST_KEYS",
    "VALIDATION_KEYS",
    "Candidate",
    "CollapsedSearch",
    "Contrast",
    "DecisionMade",
    "Document",
    "EdgeScore",
    "Epoch",
    "Evaluated",
    "Event",
    "EventLog",
    "Fraction",
    "ImagesBy",
    "KeptWeights",
    "Length",
    "MeasurementDone",
    "Meter",
    "Objective",
    "Observer",
    "PhaseEnd",
    "PredictorJudged",
    "ProgressKeeper",
    "Record",
    "Replayed",
    "Rollback",
    "RunDirectory",
    "Score",
    "ScoreMeter",
    "SearchEpoch",
    "SearchStop",
    "SelectionDone",
    "StepMeans",
    "StudyProgress",
    "TestAccuracies",
    "TimeLimit",
    "TrainEpoch",
    "TrialProgress",
    "ValidationAccuracies",
    "Version",
    "Watched",
    "check_new_file",
    "csv_rows",
    "csv_text",
    "derive_seed",
    "event_of",
    "first_fault",
    "make_generator",
    "next_free",
    "read_arrays",
    "read_json",
    "seeded_initialization",
    "step_work",
    "validation_facts",
    "write_atomically",
    "write_json",
    "write_text",
]
