"""What an option of the command line is as a setting."""

import pytest

from dartboard.cli.options import RunOptions
from dartboard.settings import search_request

CONTEST = {"--contest": True, "--no-contest": False}


@pytest.mark.parametrize("option", CONTEST)
def test_a_user_decides_about_the_contest_and_otherwise_the_plan_does(option: str) -> None:
    asked = search_request(None, RunOptions(contest=CONTEST[option]).layers(), ("search", "train"))
    assert asked.asked.contest is CONTEST[option]
    assert "contest" in asked.given
    assert "contest" not in search_request(None, RunOptions().layers(), ("search", "train")).given
