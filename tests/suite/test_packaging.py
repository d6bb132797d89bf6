import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("packaging")

ROOT = Path(__file__).resolve().parents[2]
# What "pip install loadscope" leaves out: the frameworks and the other extras.
EXTRAS = (
    "mxnet", "onnx", "onnxruntime", "onnxruntime_genai", "onnxscript", "optuna", "opentelemetry",
    "pyarrow", "safetensors", "scipy", "tensorflow", "tokenizers", "torch",
)  # fmt: skip
# The compiler's runtime for onnx-mlir is no package of an index.
# TensorRT's packages come from their maker's.
ABSENT = {*EXTRAS, "PyRuntime", "torch_nnpa", "tensorrt", "cuda"}
IMPORT_ALL = """
import importlib, json, sys
from pathlib import Path
site, *extras = sys.argv[1:]
sys.path.insert(0, site)
for name in extras:
    sys.modules[name] = None
lacking = {}
for path in sorted(Path(site, "loadscope").rglob("*.py")):
    parts = path.relative_to(site).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    try:
        found = importlib.import_module(name)
        assert found.__file__ == str(path), found.__file__
    except Exception as error:
        missing = error.__cause__ or error
        if not isinstance(missing, ModuleNotFoundError):
            raise
        lacking[name] = missing.name
print(json.dumps(lacking))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from an sdist, as a user's pip would build it."""
    folder, source = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("source") / "tree"
    # In the checkout itself it would write src/*.egg-info anew, from which every process that
    # starts meanwhile takes the entry points.
    left_out = shutil.ignore_patterns(".venv*", ".git", "*.egg-info", "runs", "dist",
                                      "__pycache__", ".*_cache")  # fmt: skip
    shutil.copytree(ROOT, source, symlinks=True, ignore=left_out)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source],
        check=True,
        capture_output=True,
    )
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder that holds what the wheel installs, and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


@pytest.fixture
def installed(loadscope, environment, site):
    """The wheel's command, in a folder of its own."""
    environment["PYTHONPATH"] = str(site)
    return loadscope


def test_the_wheel_holds_code_and_data(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "loadscope/models.yaml",
        "loadscope/py.typed",
        "loadscope/datasets/image_classification/catalog.yaml",
        "loadscope/datasets/volume_segmentation/catalog.yaml",
        "loadscope/datasets/adapters/image_label/kinds/imagenet_synsets.txt",
        "loadscope/datasets/image_classification/published.csv",
        "loadscope/tools/build/data/fashion_cnn.pth",
        "loadscope/datasets/object_detection/coco-generated/val2017/000000000000.png",
        "loadscope/datasets/question_answering/squad-sample/dev-v1.1.json",
        "loadscope/datasets/speech_recognition/librivox-sample/NOTICE",
        "loadscope/datasets/speech_recognition/librivox-sample/transcripts.tsv",
        "loadscope/submission/rounds/v6.1.yaml",
        "loadscope/scenarios/demo/three-tasks.yaml",
        "loadscope/tools/byteorder/__main__.py",
    } <= names
    assert any(name.startswith("loadscope/suite/report/templates/") for name in names)
    assert not any(name.startswith(("tests/", "suite/", "datasets/")) for name in names)
    made_with = ("bench", "generate", "train", "z")
    assert not any(
        name.startswith(f"loadscope/tools/{each}/") for name in names for each in made_with
    )


def test_every_module_of_the_wheel_is_imported_or_lacks_an_extra_alone(site, tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT_ALL, site, *EXTRAS],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    lacking = json.loads(done.stdout)
    assert {name.partition(".")[0] for name in lacking.values()} <= ABSENT
    # What needs no framework needs no extra either.
    core = ("loadscope.suite.cli.", "loadscope.suite.run.", "loadscope.submission.")
    assert not [name for name in lacking if name.startswith(core)]


def test_the_wheel_measures_by_its_own_script_reports_and_checks(
    installed, manifest, tiny_dataset, tmp_path, site
):
    assert installed("--version").stdout.startswith("loadscope")
    own = (*("--model", "tiny"), *("--models", manifest(delay_us=100)), *("--framework", "null"))
    short = ("--mode", "performance", "--mode", "accuracy", "--min-duration", "50ms")
    run = tmp_path / "run"
    installed(
        *("run", "scenarios:x86-64-cpu/resnet50", *own, *short, "--scenario", "Offline"),
        *("--dataset-path", tiny_dataset, "--output", run),
    )
    record = json.loads((run / "run.json").read_text())
    assert record["model"]["id"] == "tiny" and set(record["state"]) == {"performance", "accuracy"}
    page = tmp_path / "page.html"
    told = json.loads(installed("report", run, "--output", page, "--json").stdout)
    assert json.dumps(told).count('"tiny"') and page.stat().st_size > 100_000
    (tmp_path / "tree/closed").mkdir(parents=True)
    checked = installed("check", tmp_path / "tree", "--json", status=1)
    assert json.loads(checked.stdout)["findings"]
