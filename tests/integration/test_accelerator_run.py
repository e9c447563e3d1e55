"""Whole runs on an accelerator: everything is where it belongs, and no step makes the host wait."""

from collections import Counter
from pathlib import Path

import dartboard
from dartboard.testing import stand_in

ARCHITECTURE = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"


def test_a_run_waits_for_the_accelerator_once_an_epoch_and_not_once_a_step(tmp_path: Path) -> None:
    waits: list[Counter[str]] = []
    for steps in (1, 3):
        layer = {"preset": "smoke", "space": "nas-bench-201", "search.layers": 1, "train.layers": 1}
        lengths = {"search.steps_per_epoch": steps, "train.steps_per_epoch": steps}
        with stand_in() as device:
            searched = dartboard.search(None, layer, lengths, out=tmp_path / f"search-{steps}")
            dartboard.train(None, layer, lengths, genotype=ARCHITECTURE, out=tmp_path / f"train-{steps}")
            waits.append(device.waits)
        assert "standin" in searched.device
    assert waits[0] == waits[1]
