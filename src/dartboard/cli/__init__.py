"""The command line."""

from dartboard.cli.app import main

__all__ = ["main"]
