import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typing_extensions import override

from dartboard.errors import DataError, RunDirectoryError
from dartboard.records import RunDataset, Split
from dartboard.runs import Observer, Rollback, RunDirectory
from dartboard.session import open_session
from dartboard.session.clock import phase_seconds
from dartboard.session.finished import finished_run
from dartboard.settings import resolve_settings
from made_up_events import search_epoch, train_epoch

SMOKE = {"space": "darts", "preset": "smoke", "device": "cpu"}


def test_a_session_records_settings_and_split_only_when_it_begins(tmp_path: Path) -> None:
    settings = resolve_settings(SMOKE)
    with open_session(settings, tmp_path / "run", resume=False, observer=Observer()) as session:
        assert not session.run.has("settings.json")
        session.begin()
        assert session.run.read("settings.json") == settings.model_dump(mode="json")
        assert Split.read(session.run.path) == Split.of(session.splits)
    assert session.dataset.name == "digits"


def test_a_session_that_never_began_leaves_no_folder(tmp_path: Path) -> None:
    with open_session(resolve_settings(SMOKE), tmp_path / "a" / "run", resume=False, observer=Observer()):
        pass
    with (
        pytest.raises(DataError),
        open_session(
            resolve_settings(SMOKE, {"source": str(tmp_path / "absent")}),
            tmp_path / "a" / "run",
            resume=False,
            observer=Observer(),
        ),
    ):
        pass
    assert not (tmp_path / "a").exists()


def test_a_second_run_in_a_taken_folder_needs_resume_and_the_same_settings(tmp_path: Path) -> None:
    def begin(*, resume: bool, **changes: object) -> None:
        with open_session(
            resolve_settings(SMOKE, changes), tmp_path / "run", resume=resume, observer=Observer()
        ) as session:
            session.begin()

    begin(resume=False)
    begin(resume=True)
    with pytest.raises(RunDirectoryError, match="add --resume"):
        begin(resume=False)
    with pytest.raises(RunDirectoryError, match=r"other settings \(search\.epochs, seed\)"):
        begin(resume=True, seed=1, **{"search.epochs": 4})


def test_a_resumed_run_refuses_a_dataset_that_has_changed(tmp_path: Path) -> None:
    settings = resolve_settings(SMOKE)
    with open_session(settings, tmp_path, resume=False, observer=Observer()) as session:
        session.begin()
    split = json.loads((tmp_path / "split.json").read_text())
    split["test"] = split["test"][1:]
    (tmp_path / "split.json").write_text(json.dumps(split))
    with (
        open_session(settings, tmp_path, resume=True, observer=Observer()) as session,
        pytest.raises(RunDirectoryError, match="the dataset has changed since the run"),
    ):
        session.begin()


def begin_with(source: Path, run: Path, *, resume: bool = True) -> list[str]:
    """Begin or resume a run on a dataset; what its observer is told."""
    told: list[str] = []

    class Listener(Observer):
        @override
        def note(self, sentence: str) -> None:
            told.append(sentence)

    settings = resolve_settings(SMOKE, {"source": str(source), "data.cache": False})
    with open_session(settings, run, resume=resume, observer=Listener()) as session:
        session.check_dataset()
        session.follow_dataset()
        session.begin()
    return told


def replace_image(folder: Path) -> None:
    file = next(folder.glob("cats/*.png"))
    Image.new("RGB", (8, 8), "red").save(file)


def rename_class(folder: Path) -> None:
    (folder / "dogs").rename(folder / "wolves")


def swap_labels(folder: Path) -> None:
    (folder / "cats").rename(folder / "x")
    (folder / "dogs").rename(folder / "cats")
    (folder / "x").rename(folder / "dogs")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (replace_image, "other training images or labels"),
        (swap_labels, "other training images or labels"),
        (rename_class, "other classes: dogs, wolves"),
    ],
)
def test_a_resumed_run_refuses_other_images_and_other_classes(
    image_folder: Path, tmp_path: Path, change: Callable[[Path], None], told: str
) -> None:
    begin_with(image_folder, tmp_path / "run", resume=False)
    change(image_folder)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(
        RunDirectoryError, match=rf"the dataset has changed since the run in .*run began \({told}\); give"
    ):
        begin_with(image_folder, tmp_path / "run")
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_a_resumed_run_takes_files_that_were_only_touched_or_written_anew(image_folder: Path, tmp_path: Path) -> None:
    begin_with(image_folder, tmp_path / "run", resume=False)
    for file in image_folder.glob("*/*.png"):
        with Image.open(file) as image:
            image.load()
        image.save(file, compress_level=1)
    assert begin_with(image_folder, tmp_path / "run") == []


def test_a_run_of_an_earlier_version_resumes_though_nothing_is_known_of_its_images(
    image_folder: Path, tmp_path: Path
) -> None:
    begin_with(image_folder, tmp_path / "run", resume=False)
    (tmp_path / "run" / "dataset.json").unlink()
    replace_image(image_folder)
    begin_with(image_folder, tmp_path / "run")
    assert RunDataset.exists(tmp_path / "run")


def test_images_that_another_decoder_may_have_changed_are_not_refused_but_told(
    image_folder: Path, tmp_path: Path
) -> None:
    begin_with(image_folder, tmp_path / "run", resume=False)
    recorded = RunDataset.read(tmp_path / "run").model_copy(update={"decoder": "Pillow 1.0"})
    recorded.write(tmp_path / "run")
    assert begin_with(image_folder, tmp_path / "run") == []
    recorded.write(tmp_path / "run")
    replace_image(image_folder)
    (sentence,) = begin_with(image_folder, tmp_path / "run")
    assert "decodes them otherwise than Pillow 1.0, or they were replaced" in sentence


def test_a_run_goes_on_where_its_dataset_has_moved_and_records_the_place(image_folder: Path, tmp_path: Path) -> None:
    run, moved = tmp_path / "run", tmp_path / "elsewhere" / "renamed"
    begin_with(image_folder, run, resume=False)
    shutil.copytree(image_folder, moved)
    shutil.move(image_folder, tmp_path / "gone")
    (sentence,) = begin_with(moved, run)
    assert sentence == (
        f"The run began with the data in {image_folder}; the data in {moved} hold the same images and labels, so it "
        "goes on with them."
    )
    assert json.loads((run / "settings.json").read_text())["source"] == str(moved)
    assert begin_with(moved, run) == []


@pytest.mark.parametrize("spoil", [replace_image, rename_class, None])
def test_another_dataset_is_refused_with_both_places(
    image_folder: Path, tmp_path: Path, spoil: Callable[[Path], None] | None
) -> None:
    run, copy = tmp_path / "run", tmp_path / "copy"
    begin_with(image_folder, run, resume=False)
    shutil.copytree(image_folder, copy)
    if spoil is None:
        (run / "dataset.json").unlink()
    else:
        spoil(copy)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    refused = rf"began with the data in {image_folder}, and the data in {copy} cannot take their place \(.*\); give"
    with pytest.raises(RunDirectoryError, match=refused):
        begin_with(copy, run)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_place_that_is_none_is_named_with_its_file(image_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    begin_with(image_folder, run, resume=False)
    settings = json.loads((run / "settings.json").read_text())
    (run / "settings.json").write_text(json.dumps({**settings, "source": []}))
    sentence = r"settings\.json does not hold what a run writes there .*source is a list"
    with pytest.raises(RunDirectoryError, match=sentence):
        begin_with(image_folder, run)


def test_a_finished_search_says_where_its_data_were_and_how_to_record_another_place(
    image_folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    begin_with(image_folder, run, resume=False)
    (run / "genotype.json").write_text("{}")
    assert finished_run(run).path == run
    image_folder.rename(tmp_path / "moved")
    with pytest.raises(RunDirectoryError, match=rf"no longer at {image_folder}; .* --config .* --out .*run --resume"):
        finished_run(run)


def test_runs_without_a_name_are_numbered_and_resume_takes_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def begin(*, resume: bool) -> str:
        with open_session(resolve_settings(SMOKE), None, resume=resume, observer=Observer()) as session:
            session.begin()
            return session.run.path.name

    names = [begin(resume=False) for _ in range(3)]
    assert names == [f"digits-darts-darts-seed0{end}" for end in ("", "-2", "-3")]
    assert begin(resume=True) == names[-1]


def test_a_run_with_several_seeds_is_called_by_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = resolve_settings(SMOKE, {"seeds": "2,20"})
    with open_session(settings, None, resume=False, observer=Observer()) as session:
        assert session.run.path == Path("runs/digits-darts-darts-2seeds")


def test_the_same_images_serve_the_same_ends_under_another_seed_with_the_same_split_seed(tmp_path: Path) -> None:
    splits = []
    for number, layer in enumerate(({"seed": 5}, {"seed": 7, "data.split_seed": 5}, {"seed": 7})):
        settings = resolve_settings(SMOKE, layer)
        with open_session(settings, tmp_path / str(number), resume=False, observer=Observer()) as session:
            splits.append(session.splits.to_json())
    assert splits[0] == splits[1] != splits[2]


def test_the_time_of_a_resumed_phase_includes_the_epochs_of_the_earlier_try(tmp_path: Path) -> None:
    with open_session(resolve_settings(SMOKE), tmp_path / "run", resume=False, observer=Observer()) as session:
        session.begin()
        session.run.events.append(search_epoch(seconds=30.0))
        session.run.events.append(Rollback(before=3, epoch=1, reason="it was better there", seconds=10.0))
        session.run.events.append(train_epoch(seconds=100.0))
        with session.phase("search"):
            pass
        seconds = phase_seconds(session.run)
    assert seconds["search"] == pytest.approx(40.0, abs=1.0)
    assert seconds["total"] == pytest.approx(sum(value for name, value in seconds.items() if name != "total"))


def test_a_phase_that_fails_is_not_recorded(tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "other"):
        pass
    with open_session(resolve_settings(SMOKE), tmp_path / "run", resume=False, observer=Observer()) as session:
        session.begin()
        with pytest.raises(KeyError), session.phase("search"):
            raise KeyError
        assert "search" not in phase_seconds(session.run)
