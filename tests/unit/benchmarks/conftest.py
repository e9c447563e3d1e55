"""Lets tests import what the benchmarks share. It comes last, for tests have rooms of the same names."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3] / "benchmarks"))
