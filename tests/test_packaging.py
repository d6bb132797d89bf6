import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("packaging")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from an sdist, as a user's pip would build it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_code_and_data(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "loadscope/models.yaml",
        "loadscope/py.typed",
        "loadscope/datasets/image_classification/catalog.yaml",
        "loadscope/datasets/image_classification/imagenet_synsets.txt",
        "loadscope/datasets/object_detection/coco-generated/val2017/000000000000.png",
        "loadscope/datasets/question_answering/squad-sample/dev-v1.1.json",
        "loadscope/submission/rounds/v6.1.yaml",
        "loadscope/scenarios/demo/three-tasks.yaml",
    } <= names
    assert any(name.startswith("loadscope/suite/report/templates/") for name in names)
    assert not any(name.startswith(("tests/", "suite/", "datasets/")) for name in names)


def test_the_installed_wheel_works_without_the_repository(wheel, tmp_path):
    target = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, wheel],
        check=True,
        capture_output=True,
    )
    code = (
        "import pkgutil, importlib, sys; sys.path.insert(0, sys.argv[1]); import loadscope;"
        "assert loadscope.__file__.startswith(sys.argv[1]), loadscope.__file__;"
        "from loadscope.suite.cli.main import main; sys.argv[1:] = ['models', '--json']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(target)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "efficientnet-lite0" in done.stdout
