import hashlib
import json

import pytest
from click.testing import CliRunner

from loadscope.datasets.catalog import catalog
from loadscope.errors import InputError
from loadscope.submission.rounds import load_round
from loadscope.suite.cli.datasets import datasets_command
from loadscope.suite.cli.doctor import doctor_command
from loadscope.suite.cli.fetch import fetch_command
from loadscope.suite.cli.models import models_command
from loadscope.suite.fetch import diagnosis
from loadscope.sut.info import BackendInfo

COMMANDS = [models_command, models_command.commands["show"], datasets_command,
            *datasets_command.commands.values(), fetch_command, doctor_command]  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command with a cache of its own; gives standard output."""
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "cache"))

    def invoke(command, *arguments, status=0):
        result = CliRunner().invoke(command, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status
        return result.stdout

    return invoke


@pytest.fixture
def manifest(entry, write_manifest, tmp_path):
    """A manifest of one model whose file lies beside it."""
    (tmp_path / "tiny.onnx").write_bytes(b"model")
    return write_manifest({"tiny": entry()})


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_help_has_an_example(run, command):
    assert "Example:\n" in run(command, "--help")


def test_models_lists_frameworks_licence_and_state(run, manifest):
    shown = run(models_command, "--models", manifest, "--all")
    line = next(line for line in shown.splitlines() if line.startswith("tiny "))
    assert "Apache-2.0" in line
    assert "onnxruntime" in line
    assert line.endswith("described")


def test_showing_a_model_prints_json_wherever_it_is_asked_for(run, manifest):
    asked = ("show", "tiny", "--models", manifest)
    after = json.loads(run(models_command, *asked, "--json"))
    assert after["id"] == "tiny"
    assert json.loads(run(models_command, "--json", *asked)) == after


def test_a_search_that_finds_nothing_names_what_is_near():
    found = CliRunner().invoke(models_command, ["--search", "fashon-cnn"])
    assert (found.exit_code, found.stdout.splitlines()[1:]) == (0, [])
    assert "0 models" in found.stderr and "did you mean 'fashion-cnn'?" in found.stderr


def test_models_tell_whose_accuracy_was_measured(run):
    shown = json.loads(run(models_command, "--state", "accuracy measured", "--json"))
    assert all(one["measured"] and one["state"] == "accuracy measured" for one in shown)
    assert "fashion-cnn" in [one["id"] for one in shown]


def test_models_prints_json(run, manifest):
    records = json.loads(run(models_command, "--models", manifest, "--json"))
    tiny = next(record for record in records if record["id"] == "tiny")
    assert tiny["frameworks"] == ["onnxruntime"] and tiny["family"] == ""
    timm = next(record for record in records if record["id"] == "timm/resnet18.a1_in1k")
    assert timm["published"] == "top-1 73.164 %" and timm["parameters"] == 11_690_000


def test_show_tells_whether_a_file_is_here(run, manifest):
    tiny = json.loads(run(models_command, "show", "tiny", "--models", manifest, "--json"))
    assert tiny["artifacts"]["onnxruntime"]["here"] is True
    assert tiny["manifest"] == str(manifest)
    resnet = json.loads(run(models_command, "show", "resnet50", "--json"))
    assert resnet["artifacts"]["onnxruntime"]["here"] is False


def test_show_prints_the_whole_entry(run, manifest):
    shown = run(models_command, "show", "tiny", "--models", manifest)
    assert "resampler: opencv-bicubic" in shown
    same = run(models_command, "--models", manifest, "show", "tiny", "--json")
    assert json.loads(same)["classes"] == 1000


def test_show_of_an_unknown_model_is_bad_input(run):
    with pytest.raises(InputError, match="unknown model 'tinny'"):
        run(models_command, "show", "tinny")


def test_datasets_lists_what_is_known_and_how_to_get_it(run):
    records = json.loads(run(datasets_command, "--json"))
    assert {record["id"] for record in records} == set(catalog())
    # Only what the package ships is here without a fetch.
    here = {record["id"] for record in records if record["here"]}
    assert here == {name for name, entry in catalog().items() if entry.shipped() is not None}
    assert here > {"coco-generated", "coco-generated-seeded", "shapes-generated", "squad-sample"}
    assert "imagenet-sample20" in run(datasets_command)
    assert "loadscope fetch imagenet-sample20" in run(datasets_command, "show", "imagenet-sample20")


def test_a_data_set_is_shown_with_its_form_licence_size_and_published_figures(run):
    shown = run(datasets_command, "show", "imagenet-a", "--model", "resnet18.a1")
    for said in ("MIT", "7,500 samples", "imagenet-synsets", "natural-adv-examples", "2.44"):
        assert said in shown
    asked = ("show", "imagenet-a", "--model", "resnet18.a1_in1k", "--json")
    record = json.loads(run(datasets_command, *asked))
    assert {one["input"]: one["value"] for one in record["published"]} == {
        "224 x 224": 2.44, "288 x 288": 3.813,
    }  # fmt: skip
    with pytest.raises(InputError, match="no figure of 'nonesuch'"):
        run(datasets_command, "show", "imagenet-a", "--model", "nonesuch")
    assert "volume-segmentation" in run(datasets_command, "show", "kits19")


def test_a_folder_is_checked_as_the_data_set_of_an_id(run, tmp_path):
    (tmp_path / "test_batch.bin").write_bytes(bytes([3]) + bytes(3072))
    shown = run(datasets_command, "check", "cifar-10", tmp_path)
    assert "CIFAR binary files: 1 samples, 1 classes" in shown
    assert "first label: 3" in shown
    assert "the whole data set has 10,000 samples" in shown
    record = json.loads(run(datasets_command, "check", "cifar-10", tmp_path, "--json"))
    assert record["first"] == {"image": "test_batch.bin#cifar10:0", "label": "3"}
    with pytest.raises(InputError, match="read by its task alone"):
        run(datasets_command, "check", "coco", tmp_path)
    with pytest.raises(InputError, match="mnist is not here"):
        run(datasets_command, "check", "mnist")


def images(folder):
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(b"an image")
    return folder


@pytest.mark.parametrize("name", ["imagenet-a", "imagenet-r", "imagenet-sketch"])
def test_images_without_the_labels_that_their_data_set_has_are_refused(run, tmp_path, name):
    with pytest.raises(InputError) as caught:
        run(datasets_command, "check", name, images(tmp_path / "images"))
    assert f"images: 3 samples and no labels, which {name} has" in caught.value.message
    assert catalog()[name].obtain in caught.value.fix and "Layout: " in caught.value.fix


@pytest.mark.parametrize(("said", "refused"), [("metric: top-1", True), ("licence: mine", False)])
def test_own_images_need_labels_where_their_entry_says_so(run, tmp_path, said, refused):
    images(tmp_path / "images")
    file = tmp_path / "mine.yaml"
    file.write_text(
        "schema: 1\ndatasets:\n  mine: {task: image-classification, path: images, "
        f"form: {{adapter: image-label}}, {said}}}\n"
    )
    asked = ("check", "mine", "--datasets", file)
    if refused:
        with pytest.raises(InputError, match="3 samples and no labels, which mine has") as caught:
            run(datasets_command, *asked)
        assert caught.value.fix == "add them, or take metric and classes out of the entry"
    else:
        assert "note: no labels: performance alone" in run(datasets_command, *asked)


def test_fetch_says_where_the_file_is(run, manifest, tmp_path):
    shown = run(fetch_command, "tiny", "--models", manifest, "--framework", "onnxruntime", "--json")
    assert json.loads(shown) == [
        {
            "id": "tiny",
            "kind": "model",
            "framework": "onnxruntime",
            "path": str(tmp_path / "tiny.onnx"),
            "sha256": hashlib.sha256(b"model").hexdigest(),
            "verified": False,
            "source": f"file:{tmp_path / 'tiny.onnx'}",
            "replaced": None,
        }
    ]


def test_fetch_of_an_unknown_name_lists_models_and_data_sets_before_anything_is_done(
    run, manifest, tmp_path
):
    with pytest.raises(InputError, match="unknown model or data set 'restnet50'") as caught:
        run(fetch_command, "tiny", "restnet50", "--models", manifest)
    assert "did you mean 'resnet50'?" in caught.value.fix
    assert "imagenet-sample20" in caught.value.fix
    assert not (tmp_path / "cache").exists()


def test_fetch_for_an_unknown_framework_is_bad_input(run):
    with pytest.raises(InputError, match="unknown framework 'tensorflou'"):
        run(fetch_command, "resnet50", "--framework", "tensorflou")


def test_fetch_for_the_null_backend_is_bad_input(run):
    with pytest.raises(InputError, match="'null' needs no model file"):
        run(fetch_command, "resnet50", "--framework", "null")


def test_doctor_finds_this_environment_in_order(run, tmp_path):
    findings = json.loads(run(doctor_command, "--json"))
    by_part = {finding["part"]: finding for finding in findings}
    for part in ("Python", "numpy", "mlcommons-loadgen", "cache", "host", "audit.config"):
        assert by_part[part]["status"] == "ok"
    assert str(tmp_path / "cache") in by_part["cache"]["detail"]
    assert by_part["data set imagenet-sample20"]["fix"] == "loadscope fetch imagenet-sample20"


def test_doctor_names_the_command_for_a_missing_framework_and_ends_well(run, backends):
    absent = BackendInfo("absent", "Absent", "m:C", "no_such_framework", (), "pip install x", ())
    backends(absent=absent)
    findings = json.loads(run(doctor_command, "--json"))
    found = next(finding for finding in findings if finding["part"] == "Absent")
    assert (found["status"], found["fix"]) == ("missing", "pip install x")


def test_doctor_fails_where_a_core_part_is_missing(run, monkeypatch):
    monkeypatch.setitem(diagnosis._CORE, "no_such_module", ("no-such-package",))
    assert "pip install no-such-package" in run(doctor_command, status=1)


def test_doctor_fails_on_a_loadgen_of_another_round(run, monkeypatch):
    other = load_round().model_copy(update={"loadgen": "5.1.2"})
    monkeypatch.setattr(diagnosis, "load_round", lambda: other)
    assert "pip install mlcommons-loadgen==5.1.2" in run(doctor_command, status=1)


def test_doctor_fails_where_the_cache_cannot_be_used(run, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_CACHE", "/proc/none")
    assert "cannot make the cache folder /proc/none" in run(doctor_command, status=1)


def test_doctor_sees_a_stray_audit_config(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.config").write_text("*.*.mode = 2\n")
    findings = json.loads(run(doctor_command, "--json"))
    found = next(finding for finding in findings if finding["part"] == "audit.config")
    assert found["status"] == "wrong"
    assert found["fix"] == f"move {tmp_path / 'audit.config'} away"
