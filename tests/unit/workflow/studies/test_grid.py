"""What a study asks for, as people write it, and what of it is refused."""

from pathlib import Path
from typing import Any

import pytest

import dartboard.methods  # noqa: F401
from dartboard.config import read_settings_file
from dartboard.errors import DartboardError, DataError, RecipeError, SettingsError, UnknownNameError
from dartboard.records import Study
from dartboard.workflow.contenders import read_contenders
from dartboard.workflow.studies import READY_STUDIES, Trial, expand, read_seeds, read_varied, request

SMOKE = {"preset": "smoke"}


def study(changes: dict[str, Any] | None = None, **content: Any) -> Study:
    given = {"settings": SMOKE, **content}
    return expand(request(given, name="mine", changes=changes))


def trials(found: Study) -> list[Trial]:
    return [Trial.from_json(trial) for trial in found.trials]


def test_a_grid_has_every_method_in_every_space_on_every_data_set_with_every_seed() -> None:
    found = study(methods="darts,random", spaces="nas-bench-201,darts", data="digits", seeds="0-3")
    assert [(block.space, [row.label for row in block.rows]) for block in found.blocks] == [
        ("nas-bench-201", ["darts", "random"]),
        ("darts", ["darts", "random"]),
    ]
    made = trials(found)
    assert len(made) == len({trial.key for trial in made}) == 16
    assert [trial.labels["seed"] for trial in made] == [str(seed) for seed in range(4) for _ in range(4)]
    assert {trial.task for trial in made} == {"run"}


def test_a_varied_setting_is_combined_with_every_other_and_stands_in_the_row() -> None:
    found = study(methods="darts", seeds=1, vary={"search.weight_lr": [0.1, 0.2], "search.batch_size": [16, 32]})
    assert [row.label for row in found.blocks[0].rows] == [
        f"darts (search.weight_lr={lr}, search.batch_size={size})" for lr in (0.1, 0.2) for size in (16, 32)
    ]
    assert [trial.settings["search"] for trial in trials(found)][1] == {"weight_lr": 0.1, "batch_size": 32}


def test_the_same_settings_have_the_same_key_and_a_changed_one_another_wherever_the_images_lie(tmp_path: Path) -> None:
    [first] = trials(study(methods="darts", seeds=1))
    assert [first] == trials(study(methods="darts", seeds="0-0", spaces="nas-bench-201"))
    [other] = trials(study(methods="darts", seeds=1, settings={**SMOKE, "search.epochs": 4}))
    assert first.key != other.key
    places = []
    for place in ("here", "there"):
        (tmp_path / place / "pets").mkdir(parents=True)
        [trial] = trials(study(methods="darts", seeds=1, data=str(tmp_path / place / "pets")))
        places.append(trial)
    assert places[0].settings["source"] != places[1].settings["source"]
    assert places[0].key == places[1].key != first.key


def test_a_larger_study_has_the_trials_of_the_smaller_one() -> None:
    small = {trial.key for trial in trials(study(methods="darts", seeds=2))}
    large = {trial.key for trial in trials(study(methods="darts,random", seeds=3, spaces="nas-bench-201,darts"))}
    assert small < large


def test_one_search_serves_every_value_of_a_setting_of_the_training() -> None:
    found = study(methods="darts", seeds=2, vary={"train.lr": [0.1, 0.2]})
    tasks = [trial.task for trial in trials(found)]
    assert (tasks.count("search"), tasks.count("train")) == (2, 4)
    first, second = found.blocks[0].rows
    assert first.searched == second.searched
    assert set(first.trained).isdisjoint(second.trained)
    by_key = {trial.key: trial for trial in trials(found)}
    assert [by_key[key].searched for key in first.trained] == [(key,) for key in first.searched]


def test_a_transfer_trains_on_one_data_set_what_was_searched_on_another_and_searches_once(tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    found = study(methods="darts", seeds=1, data="digits", transfer=[f"digits:{tmp_path / 'pets'}"])
    searched, trained = trials(found)
    assert (searched.task, trained.task, trained.needs) == ("run", "train", (searched.key,))
    assert (trained.settings["source"], trained.labels["searched on"]) == (str(tmp_path / "pets"), "digits")
    assert [(block.data, block.tested_on) for block in found.blocks] == [("digits", "digits"), ("digits", "pets")]


def test_only_the_chosen_seed_is_trained_after_short_trainings_of_all_on_one_split() -> None:
    found = study(methods="darts", seeds="2,20", choose="best-short-train", train="chosen")
    made = trials(found)
    assert [trial.task for trial in made] == ["search", "short-train", "search", "short-train", "train"]
    assert made[-1].searched == found.blocks[0].rows[0].searched
    assert made[-1].shorts == found.blocks[0].rows[0].shorts
    assert made[-1].needs == made[-1].searched + made[-1].shorts
    assert {trial.settings["data"]["split_seed"] for trial in made} == {2}, "else it tests on images that chose it"
    assert [trial.settings["train"]["epochs"] for trial in made if trial.task == "short-train"] == [1, 1]


def test_a_scale_shortens_searches_and_trainings_and_the_record_says_by_how_much() -> None:
    found = study(
        methods="darts,p-darts",
        seeds=1,
        settings={"preset": "nas-bench-201", "search.epochs": 50},
        scale=0.05,
        choose=None,
    )
    darts, staged = trials(found)
    assert darts.settings["search"]["epochs"] == 2
    assert darts.settings["train"]["epochs"] == 10
    assert staged.settings["search"]["epochs"] == 3, "one epoch for each of its stages"
    assert "Lengths are 0.05 of those of the protocol: 2 of 50 epochs of search" in found.blocks[0].notes[0]
    assert trials(study(methods="darts", seeds=1, scale=1.0))[0].settings.get("train") is None


def test_methods_that_do_not_fit_are_listed_together_or_left_out_and_told_of() -> None:
    with pytest.raises(RecipeError, match=r"2 combinations .*dots in nas-bench-201: .*dots in proxyless: .*skip-unfit"):
        study(methods="darts,dots", spaces="nas-bench-201,proxyless,darts")
    found = study(methods="darts,dots", spaces="nas-bench-201,darts", skip_unfit=True)
    assert [[row.label for row in block.rows] for block in found.blocks] == [["darts"], ["darts", "dots"]]
    assert found.blocks[0].notes == ("dots does not fit nas-bench-201, and is left out.",)


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        ({"methods": "dartz,rando,darts"}, UnknownNameError, r"no methods 'dartz' \(did.*\) and 'rando' \(did"),
        ({"methods": ""}, SettingsError, "nothing to compare"),
        ({"methods": "darts,darts"}, SettingsError, "method 'darts' is named twice"),
        ({"spaces": "darts,darts"}, SettingsError, "space 'darts' is named twice"),
        ({"spaces": "dart"}, UnknownNameError, "no search space 'dart'|no space 'dart'"),
        ({"data": "digits,digits"}, SettingsError, "data set 'digits' is named twice"),
        ({"data": "no-such-data"}, DataError, "there is no data set 'no-such-data'"),
        ({"transfer": "digits"}, DataError, "write A:B"),
        ({"seeds": "1,1"}, SettingsError, "seed 1 is given twice"),
        ({"seeds": "3-1"}, SettingsError, "0-3"),
        ({"vary": {"search.weight_lr": [0.1, 0.1]}}, SettingsError, "named twice"),
        ({"vary": {"search.weight_rl": [0.1]}}, SettingsError, r"no setting 'search.weight_rl'; did you mean"),
        ({"vary": {"method.options.depth": [1]}}, SettingsError, "darts has no option 'depth'"),
        ({"methods": "random", "vary": {"search.weight_lr": [0.1]}}, SettingsError, "draws architectures"),
        ({"vary": {"train.lr": [0.1]}, "train": "none"}, SettingsError, "nothing is trained"),
        ({"vary": {"seed": [1]}}, SettingsError, "give --seeds"),
        ({"settings": {"budget": "10m"}}, SettingsError, "does not take the setting 'budget'"),
        ({"train": "chosen"}, SettingsError, "no rule says which seed"),
        ({"choose": "best-supernet", "seeds": 1}, SettingsError, "only one seed"),
        ({"choose": "best"}, UnknownNameError, "no choice rule 'best'"),
        ({"train": "some"}, SettingsError, "train"),
        ({"sedes": 3}, SettingsError, "'sedes'; did you mean 'seeds'"),
        ({"methods": "p-darts{search.layers=5"}, SettingsError, "braces"),
        ({"methods": "darts{data.fit=crop}"}, SettingsError, "give it to all by --set"),
    ],
)
def test_what_cannot_be_a_study_is_refused(content: dict[str, Any], kind: type[DartboardError], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        study(**{"methods": "darts", **content})


def test_a_method_that_a_varied_setting_changes_nothing_for_runs_once_where_that_is_wanted() -> None:
    found = study(methods="darts,random", seeds=1, vary={"search.weight_lr": [0.1, 0.2]}, skip_unfit=True)
    assert [row.label for row in found.blocks[0].rows] == [
        "darts (search.weight_lr=0.1)",
        "darts (search.weight_lr=0.2)",
        "random",
    ]


def test_settings_of_one_method_stand_in_braces_or_behind_a_colon() -> None:
    braces, colon = read_contenders(["p-darts{search.layers=5,alpha_lr=0.1}", "darts:alpha_lr=0.2"])
    assert braces.layer == {"method": {"name": "p-darts", "options": {"alpha_lr": 0.1}}, "search.layers": 5}
    assert colon.layer == {"method": {"name": "darts", "options": {"alpha_lr": 0.2}}}


def test_seeds_and_values_are_read_as_people_write_them() -> None:
    assert read_seeds("0-3") == (0, 1, 2, 3)
    assert read_seeds("2,20,200") == (2, 20, 200)
    assert read_seeds([5, 7]) == (5, 7)
    assert read_seeds("0-1,7") == (0, 1, 7)
    assert read_varied(["a.b=1e-3,[1, 2],null"]) == {"a.b": (0.001, [1, 2], None)}
    for text in ("a.b", "a.b=", "=1"):
        with pytest.raises(SettingsError, match="--vary"):
            read_varied([text])


def test_tables_share_what_stands_beside_them_and_arguments_replace_what_all_of_them_say() -> None:
    content = {
        "methods": ["darts"],
        "settings": {"preset": "smoke", "search.epochs": 5},
        "tables": [{"title": "one"}, {"title": "two", "settings": {"search": {"epochs": 6}}, "methods": ["gdas"]}],
    }
    asked = request(content, name="mine", changes={"seeds": "7", "settings": {"train.epochs": 1}})
    one, two = asked.tables
    assert (one.methods, two.methods, one.seeds) == (("darts",), ("gdas",), tuple(range(7)))
    assert expand(asked).blocks[0].title == "one"
    found = [trial.settings for trial in trials(expand(asked))]
    assert {(each["search"]["epochs"], each["train"]["epochs"]) for each in found} == {(5, 1), (6, 1)}


@pytest.mark.parametrize("name", [entry.name for entry in READY_STUDIES])
def test_every_ready_study_can_be_made(name: str, tmp_path: Path) -> None:
    """The data of a protocol need not be here for that."""
    (tmp_path / "cifar10").mkdir()
    entry = READY_STUDIES[name]
    content = READY_STUDIES.made(name, entry.factory)
    found = expand(request(content, name=name, changes={"data": [str(tmp_path / "cifar10")]}))
    assert entry.paper
    assert found.blocks
    assert all(trial.needs == () or trial.task in ("train", "short-train") for trial in trials(found))
    if name == "darts-bench-suite":
        final = [trial.settings["train"] for trial in trials(found) if trial.task == "train"]
        assert len({(each["lr"], each["weight_decay"]) for each in final}) == 9


def test_the_protocols_have_the_seeds_and_the_rules_of_their_papers(tmp_path: Path) -> None:
    (tmp_path / "cifar10").mkdir()

    def made(name: str) -> Study:
        content = READY_STUDIES.made(name, READY_STUDIES[name].factory)
        return expand(request(content, name=name, changes={"data": [str(tmp_path / "cifar10")]}))

    thesis = made("hyperdarts").blocks
    assert {block.seeds for block in thesis} == {(2, 20, 200, 2000)}
    assert [block.choose for block in thesis] == ["hyperdarts-rule", "best-supernet"]
    darts = made("darts-four-seeds")
    final = [trial for trial in trials(darts) if trial.task == "train"]
    assert {trial.settings["train"]["runs"] for trial in final} == {10}
    assert {len(trial.searched) for trial in final} == {4}
    assert len(made("single-darts").blocks) == 5


def test_the_file_of_the_example_is_a_study() -> None:
    path = Path(__file__).resolve().parents[4] / "examples" / "study.yaml"
    found = expand(request(read_settings_file(path), name="example"))
    assert (found.name, found.blocks[0].choose, found.blocks[-1].train) == ("rates", "best-supernet", "none")
    assert [len(block.rows) for block in found.blocks] == [3, 3, 6]
