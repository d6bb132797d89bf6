import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from loadscope.errors import InputError
from loadscope.suite.cli.main import cli
from loadscope.sut.info import BackendInfo, Option

ABSENT = BackendInfo(
    "absent", "Absent", "absent.backend:Absent", "absent", ("absent",), "pip install absent",
    ("scroll",), options={"dtype": Option(str, ("float16",), numerics={"float16": "float16"})},
    trace_levels=("framework", "layer"), overheads={"layer": (0.98, 1.04)},
    tasks=("image-classification",), notes=("Scrolls are read once.",),
)  # fmt: skip


def told(*arguments):
    return CliRunner().invoke(cli, ["frameworks", *arguments], catch_exceptions=False)


def test_one_that_is_not_installed_comes_with_its_command(backends):
    backends(absent=ABSENT)
    (found,) = [one for one in json.loads(told("--json").stdout) if one["name"] == "absent"]
    assert (found["installed"], found["version"]) == (False, None)
    assert found["install"] == "pip install absent"
    assert found["numerics"] == ["float32", "float16"]
    assert found["trace_levels"] == {"framework": None, "layer": [0.98, 1.04]}
    assert "no: pip install absent" in told().stdout


def test_one_of_them_is_told_in_full(backends):
    backends(absent=ABSENT)
    said = told("absent").stdout
    assert "layer (0.98 to 1.04)" in said and "note: Scrolls are read once." in said
    assert json.loads(told("absent", "--json").stdout)["title"] == "Absent"
    with pytest.raises(InputError, match="unknown framework 'abent'"):
        told("abent")


def test_those_that_are_here_have_a_version_and_no_framework_is_imported():
    code = (
        "import sys\n"
        "from loadscope.suite.cli.main import cli\n"
        "cli(['frameworks', '--json'], standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert found["onnxruntime"]["installed"] and found["onnxruntime"]["version"]
    assert "null" not in found
    assert not {"torch", "onnxruntime", "tensorflow", "openvino"} & set(done.stderr.split())
