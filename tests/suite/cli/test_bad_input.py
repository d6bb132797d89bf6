import hashlib
import json
import sys

import pytest
import yaml

from loadscope.suite.cli.main import main

RUN = ("run", "--model", "tiny", "--framework", "null", "--scenario", "Offline")


def replaced(arguments, option, value):
    at = arguments.index(option)
    return (*arguments[: at + 1], value, *arguments[at + 2 :])


@pytest.fixture
def refused(cache, tmp_path, monkeypatch, capsys):
    """Run the command in this process; returns what it printed, after checking its status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))

    def check(*arguments, status=2):
        monkeypatch.setattr(sys, "argv", ["loadscope", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        assert caught.value.code == status, printed.err
        return printed

    return check


@pytest.fixture
def run(refused, tiny_dataset, manifest, tmp_path):
    """Run with bad input; returns standard error, after checking its form."""

    def check(*arguments, dataset=None):
        given = dataset if dataset is not None else tiny_dataset
        models = ("--models", manifest(), "--dataset-path", given)
        printed = refused(*arguments, *models, "--output", "out", "--json")
        lines = printed.err.strip().splitlines()
        assert lines[-2].startswith("loadscope: ") and lines[-1].startswith("  fix: "), printed.err
        error = json.loads(printed.out)["error"]
        assert error["status"] == 2
        assert lines[-2:] == [f"loadscope: {error['message']}", f"  fix: {error['fix']}"]
        assert not (tmp_path / "out").exists()
        return printed.err

    return check


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--model", "tinny", "unknown model 'tinny'\n  fix: did you mean 'tiny'? known: "),
        ("--framework", "PyTorhc", "'PyTorhc'\n  fix: did you mean 'pytorch'? use one of: "),
        ("--scenario", "ofline", "got 'ofline'"),
    ],
)
def test_unknown_names_list_the_near_and_the_known(run, option, value, message):
    error = run(*replaced(RUN, option, value))
    assert message in error
    assert "null" not in error, "it is not for users"


def test_an_unknown_data_set_and_command_have_near_names(refused):
    asked = ("--model", "resnet50", "--framework", "null", "--scenario", "offline")
    done = refused("run", *asked, "--dataset-path", "imagenet-sampel20")
    assert "unknown data set 'imagenet-sampel20'\n  fix: did you mean 'imagenet-" in done.err
    assert "No such command 'rnu'. did you mean 'run'?" in refused("rnu").err


@pytest.mark.parametrize("command", ["run", "trace", "plan", "tune"])
def test_an_option_of_one_value_is_not_given_twice(refused, command):
    done = refused(command, "--model", "tiny", "--count", "3", "--count", "4", "--json")
    message = "Option '--count' takes one value and is given several times."
    assert json.loads(done.out)["error"] == {
        "message": message, "fix": f"see loadscope {command} --help", "status": 2,
    }  # fmt: skip
    assert done.err == f"loadscope: {message}\n  fix: see loadscope {command} --help\n"


@pytest.mark.parametrize("command", ["plan", "tune"])
def test_a_search_is_of_one_model_on_one_framework(refused, command):
    for option in ("--model", "--framework"):
        error = refused(command, option, "a", option, "b").err
        assert f"'{option}' takes one value and is given several times" in error


def test_what_is_wrong_with_one_of_several_runs_is_said_before_the_first(run):
    assert "has no artifact for 'pytorch'" in run(*RUN, "--framework", "pytorch")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--mode", "speed"), "'speed'"),
        (("--count", "0"), "count: expected greater than 0, got '0'"),
        (("--count", "25"), "25"),
        (("--count", "many"), "count: expected a valid integer, got 'many'"),
        (("--min-duration", "soon"), "'soon' is not a time"),
        (("--target-latency", "15ms"), "Offline has no latency"),
        (("--batch-size", "-1"), "batch_size: expected greater than 0, got '-1'"),
        (("--max-wait", "2ms"), "Offline has no queue"),
        (("--late", "last"), "late: only Server has a bound"),
        (("--late", "never"), "late: expected 'last' or 'in-turn', got 'never'"),
        (("--user-conf", "nowhere.conf"), "nowhere.conf"),
        (("--nonsense",), "--nonsense"),
    ],
)
def test_bad_values_name_the_option(run, more, message):
    assert message in run(*RUN, *more)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("delay", "--option: expected NAME=VALUE, got 'delay'"),
        ("delya_us=3", "has no option 'delya_us'"),
        ("fail_at=soon", "option fail_at = 'soon' is not of type int"),
        ("fail_at=[", "--option: expected NAME=VALUE, got 'fail_at=['"),
    ],
)
def test_a_bad_option_is_refused_before_any_work(run, option, message):
    assert message in run(*RUN, "--option", option)


@pytest.mark.parametrize("value", ["15000000", "0.015", "15s0", "12 qps"])
def test_a_latency_in_the_wrong_unit(run, value):
    error = run(*replaced(RUN, "--scenario", "Server"), "--target-latency", value)
    assert value in error
    assert "unit" in error or "is not a time" in error


def test_a_missing_data_set(run, tmp_path):
    assert "elsewhere" in run(*RUN, dataset=tmp_path / "elsewhere")


def test_no_data_set_at_all(refused, manifest):
    error = refused(*RUN, "--models", manifest()).err
    assert "missing key 'dataset_path'" in error and "--dataset-path" in error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("missing.JPEG 1\n", "missing.JPEG"),
        ("a.JPEG 1\na.JPEG 2\n", "a.JPEG"),
        ("a.JPEG 10\n", "val_map.txt:1"),
        ("a.JPEG one\n", "val_map.txt:1"),
        ("", "val_map.txt"),
    ],
)
def test_bad_label_maps(run, tmp_path, text, message):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.JPEG").write_bytes(b"\xff\xd8 not a photograph")
    (folder / "val_map.txt").write_text(text)
    assert message in run(*RUN, dataset=folder)


def test_an_image_that_does_not_decode(run, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.JPEG").write_bytes(b"\xff\xd8 not a photograph")
    (folder / "val_map.txt").write_text("a.JPEG 1\n")
    assert "a.JPEG" in run(*RUN, dataset=folder)


def test_a_stray_audit_config(run, tmp_path):
    (tmp_path / "audit.config").write_text("*.*.mode = 2\n")
    assert "audit.config" in run(*RUN)


def test_an_output_that_is_taken(refused, tiny_dataset, manifest, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("years of work")
    arguments = (*RUN, "--models", manifest(), "--dataset-path", tiny_dataset)
    error = refused(*arguments, "--output", "taken").err
    assert "already exists and is not empty" in error
    assert [path.name for path in (tmp_path / "taken").iterdir() if path.name != ".lock"] == [
        "thesis.tex"
    ]


@pytest.fixture
def without(tmp_path, environment):
    """Make an interpreter that does not find a package, whether or not it is there."""

    def hide(package):
        (tmp_path / "sitecustomize.py").write_text(
            "from importlib.machinery import PathFinder\n"
            "find = PathFinder.find_spec\n"
            f"hidden = {package!r}\n"
            "PathFinder.find_spec = lambda n, *more: None if n == hidden else find(n, *more)\n"
        )
        environment["PYTHONPATH"] = str(tmp_path)

    return hide


def test_a_framework_that_is_not_installed(loadscope, tiny_dataset, without):
    without("torch")
    done = loadscope(
        "run", "--model", "resnet50-seeded", "--framework", "pytorch", "--scenario", "Offline",
        "--dataset-path", tiny_dataset, status=2,
    )  # fmt: skip
    assert "PyTorch is not installed" in done.stderr
    assert "fix: pip install 'loadscope[pytorch]'" in done.stderr


def test_squad_alone_needs_the_tokenizer(loadscope, tiny_dataset, manifest, without, tmp_path):
    without("tokenizers")
    found = {one["part"]: one for one in json.loads(loadscope("doctor", "--json").stdout)}
    assert found["Question answering (F1)"]["fix"] == "pip install 'loadscope[squad]'"
    photographs = (*RUN, "--models", manifest(), "--dataset-path", tiny_dataset)
    loadscope(*photographs, "--mode", "accuracy", "--output", "out")
    vocabulary = {"vocabulary": "file:vocab.txt", "sha256": hashlib.sha256(b"[PAD]").hexdigest()}
    (tmp_path / "vocab.txt").write_bytes(b"[PAD]")
    reader = yaml.safe_load(manifest().read_text())
    reader["models"]["tiny"] |= {
        "task": "question-answering",
        "classes": 2,
        "accuracy": {"metric": "f1"},
        "preprocess": {"tokenizer": "wordpiece-uncased", **vocabulary},
        "postprocess": {"kind": "spans", "outputs": ["scores"]},
    }
    reader["models"]["tiny"]["artifacts"]["null"] |= {
        "inputs": {"input_ids": {"dtype": "int64", "shape": [-1]}},
        "outputs": {"scores": {"dtype": "float32", "shape": [-1, 2]}},
        "layout": "",
    }
    (tmp_path / "reader.yaml").write_text(yaml.safe_dump(reader))
    done = loadscope(*RUN, "--models", "reader.yaml", "--dataset-path", tmp_path, status=2)
    assert "a task on texts needs the package tokenizers" in done.stderr
    assert "fix: pip install 'loadscope[squad]'" in done.stderr


def test_run_directories_that_are_none(refused):
    for command in (("accuracy", "."), ("run", "--resume", "."), ("run", "--from", ".")):
        assert "not a run directory" in refused(*command).err


def test_from_and_resume_take_no_settings(refused):
    error = refused("run", "--from", "x", "--count", "3").err
    assert "take their settings from the run directory" in error


def test_an_option_is_no_value(refused):
    said = refused("run", "--model", "--framework", "null").err
    assert "Option '--model' has no value: '--framework' follows it." in said
