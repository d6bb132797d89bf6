"""System files and runs as people have them: taken as they are meant, or refused by name."""

import json
import shutil

import pytest

from loadscope.submission.package.names import is_name
from loadscope.submission.package.package_plan import make_plan
from loadscope.submission.package.runs import read_candidate

from .conftest import SYSTEM, edit

HALF = "\\ud800"


def described(**more):
    return json.dumps({**SYSTEM, **more})


REFUSED = {
    "half a character": ("json", described(hw_notes="\ud800"), "hw_notes is '\\ud800', which UTF"),
    "the same in YAML": (
        "yaml",
        f'{{hw_notes: "{HALF}"}}',
        "found invalid Unicode character",
    ),
    "notes that are a number": ("json", described(hw_notes=5), "hw_notes is 5, not text"),
    "notes that are a list": ("json", described(sw_notes=["x"]), "sw_notes is ['x'], not text"),
    "a number as submitter": ("json", described(submitter=5), "submitter is 5, not text"),
    "another in YAML": ("yaml", "submitter: 007", "submitter is 7, not text"),
    "no as a note": ("yaml", "hw_notes: no", "hw_notes is False, not text"),
    "no number": ("json", described(host_memory_capacity=float("nan")), "capacity is nan"),
    "thousands of digits": ("json", '{"hw_notes": ' + "9" * 5000 + "}", "not JSON"),
    "hundreds of digits": ("json", described(number_of_nodes=10**300), "not a whole number"),
    "digits of another script": (
        "json",
        described(number_of_nodes="\N{ARABIC-INDIC DIGIT ONE}"),
        "not a whole number",
    ),
    "a key that comes twice": ("json", '{"cooling": "a", "cooling": "b"}', "'cooling' comes twice"),
    "no object": ("json", "[]", "not a mapping of fields"),
    "nothing": ("json", "", "not JSON"),
    "too deep": ("json", '{"a":' * 100_000, "not JSON"),
    "a cycle": ("yaml", "hw_notes: &a [*a]", "not usable YAML"),
    "the quotes of Python": ("json", described().replace('"', "'"), "not JSON"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_system_file_that_cannot_be_used_is_refused_by_name(submit, full, tmp_path, name):
    ending, text, message = REFUSED[name]
    path = tmp_path / f"box.{ending}"
    path.write_text(text)
    stderr = submit(full, system=path, status=2).stderr
    assert message in stderr and "fix: " in stderr


def test_system_files_of_other_programs_are_read(submit, full, tmp_path):
    path = tmp_path / "box.json"
    for number, text in enumerate(
        (
            json.dumps({**SYSTEM, "hw_notes": "\N{GRINNING FACE}"}),  # two escapes of one character
            json.dumps(SYSTEM, indent="\t"),
            "\ufeff" + json.dumps(SYSTEM),
        )
    ):
        path.write_text(text)
        submit(full, system=path, output=str(number))
    notes = json.loads((tmp_path / "0/closed/Acme/systems/box.json").read_text())["hw_notes"]
    assert notes == "\N{GRINNING FACE}"


def test_names_are_those_that_every_operating_system_takes():
    assert all(map(is_name, ("Acme", "a", "my-box_2.5+x", "conn", "com", "x" * 128)))
    refused = ("", ".", "..", ".a", "a.", "a b", "a/b", "é", "con", "NUL.x", "x" * 129, "\udc80")
    assert not any(map(is_name, refused))


@pytest.mark.parametrize(
    "key",
    ["model.lineage", "model.numerics", "model.mlperf", "manifest", "round",
     "data.digest", "versions"],
)  # fmt: skip
def test_a_run_of_an_earlier_version_is_refused_with_what_it_lacks(submit, full, key):
    record = json.loads((full / "run.json").read_text())
    *parents, last = key.split(".")
    inner = record
    for parent in parents:
        inner = inner[parent]
    del inner[last]
    (full / "run.json").write_text(json.dumps(record))
    stderr = submit(full, status=2).stderr
    assert f"{key}: is not recorded" in stderr and "repeat the run" in stderr


def test_a_record_that_utf8_cannot_encode_is_refused(submit, full):
    edit(full / "run.json", model__title="\ud800")
    assert "run.json: holds text that UTF-8 cannot encode" in submit(full, status=2).stderr


def test_runs_of_two_machines_are_not_one_system(submit, full):
    other = full.with_name("other")
    shutil.copytree(full, other)
    edit(other / "run.json", spec__scenario="Offline", host__processor="Another")
    assert "two machines, processor is" in submit(full.parent, status=2).stderr


def test_two_models_do_not_share_a_folder(submit, full, short_round):
    other = full.with_name("other")
    shutil.copytree(full, other)
    edit(other / "run.json", model__id="Tiny")
    assert "two models of the folder resnet" in submit(full.parent, status=2).stderr
    runs = [read_candidate(path) for path in (full, other)]
    for division in ("closed", "open"):
        found = make_plan(runs, division, "edge", short_round).problems
        assert [problem for problem in found if "two models of the folder" in problem.message]


@pytest.mark.parametrize(
    ("model", "message"),
    [("../x", "'../x' cannot be a folder"), ("bert-99", "the round's name of another benchmark")],
)
def test_an_id_that_can_be_no_folder_is_refused(submit, full, model, message):
    edit(full / "run.json", model__id=model)
    assert message in submit(full, division="open", status=2).stderr
