"""Run directories: files, events, checkpoints and seeds. This room knows plain numbers and state dicts, no models."""

from dartboard.runs.directory import RunDirectory, next_free
from dartboard.runs.events import Event, EventLog
from dartboard.runs.files import check_new_file, read_json, write_atomically, write_json, write_text
from dartboard.runs.lengths import Length, TimeLimit
from dartboard.runs.meter import TEST_KEYS, VALIDATION_KEYS, Meter, Objective, Score, ScoreMeter, validation_facts
from dartboard.runs.observer import Observer
from dartboard.runs.seeding import Replayed, derive_seed, make_generator, seeded_initialization

__all__ = [
    "TEST_KEYS",
    "VALIDATION_KEYS",
    "Event",
    "EventLog",
    "Length",
    "Meter",
    "Objective",
    "Observer",
    "Replayed",
    "RunDirectory",
    "Score",
    "ScoreMeter",
    "TimeLimit",
    "check_new_file",
    "derive_seed",
    "make_generator",
    "next_free",
    "read_json",
    "seeded_initialization",
    "validation_facts",
    "write_atomically",
    "write_json",
    "write_text",
]
