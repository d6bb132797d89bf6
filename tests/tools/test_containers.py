"""The container's recipe, held against what it repeats of the project."""

import os
import re
import tomllib
from pathlib import Path

import yaml

from loadscope.tools.arch.natives import LOADGEN, PYCOCOTOOLS
from loadscope.tools.arch.root import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
RECIPE = (ROOT / "Containerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def stage(name: str) -> str:
    """A stage's lines."""
    found: str
    (found,) = re.findall(rf"^FROM \S+ AS {name}\n(.*?)(?=^FROM |\Z)", RECIPE, re.M | re.S)
    return found


def argument(name: str) -> str:
    """The default of an argument of the build."""
    found: str
    (found,) = re.findall(rf"^ARG {name}=(.*)$", RECIPE, re.M)
    return found


def test_the_extras_are_those_of_the_project():
    named = argument("EXTRAS").split(",")
    assert not set(named) - set(PROJECT["project"]["optional-dependencies"])


def test_versions_are_those_of_the_makefile_and_the_lock():
    for name in ("TORCH", "UV"):
        assert f"{name} ?= {argument(name)}\n" in MAKEFILE
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    (version,) = re.findall(r"^onnxruntime==(\d+\.\d+)\.", lock, re.M)
    assert argument("ONNXRUNTIME_GPU") == f"onnxruntime-gpu=={version}.*"
    assert f"{LOADGEN} {PYCOCOTOOLS}" in stage("packages-z")


def test_the_packages_of_ibm_z_are_those_that_the_lane_checks():
    named = set(re.findall(r"\bpython3[a-z0-9-]*", stage("python-z")))
    assert {"python3-numpy", "python3-onnxruntime", "python3-torch"} <= named <= set(PACKAGES)


def test_no_target_runs_as_root():
    for name in ("runtime", "s390x"):
        assert re.search(r"^USER 10001$", stage(name), re.M)
    for name in ("cpu", "cuda"):
        assert re.search(rf"^FROM runtime AS {name}$", RECIPE, re.M)
        assert "USER" not in stage(name)


def test_the_image_takes_what_the_wheel_is_built_of():
    taken = re.findall(r"^!(.*)$", (ROOT / ".containerignore").read_text("utf-8"), re.M)
    missing = [name for name in taken if not (ROOT / name).exists()]
    assert not missing
    linked = {
        path.resolve().name for path in (ROOT / "src/loadscope").iterdir() if path.is_symlink()
    }
    assert linked | {"src", "pyproject.toml", "requirements.lock"} <= set(taken)


def test_mlcubes_tasks_are_commands_with_these_options(tmp_path, command_process):
    cube = yaml.safe_load((ROOT / "mlcube.yaml").read_text(encoding="utf-8"))
    assert (ROOT / cube["docker"]["build_file"]).exists()
    for task, said in cube["tasks"].items():
        shown = command_process.run(task, "--help", cwd=tmp_path, environment=dict(os.environ))
        assert shown.returncode == 0
        for group in said["parameters"].values():
            assert not [name for name in group if f"--{name} " not in shown.stdout]
