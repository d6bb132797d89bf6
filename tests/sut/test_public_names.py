import subprocess
import sys

import pytest

import loadscope.sut

FRAMEWORKS = ("torch", "onnxruntime", "onnx", "onnxscript")


def test_every_exported_name_is_there():
    public = {name for name in vars(loadscope.sut) if not name.startswith("_")}
    modules = {"backend", "registry", "null", "declared", "architectures"}
    assert public - modules == set(loadscope.sut.__all__)


@pytest.mark.parametrize(
    "module",
    [
        "loadscope.sut",
        "loadscope.sut.declared",
        "loadscope.sut.architectures",
        "loadscope.tools.build",
        "loadscope.suite.manifest",
        "loadscope.suite.artifacts",
        "loadscope.suite.diagnosis",
    ],
)
def test_the_core_imports_no_framework(module):
    code = f"import sys, {module}; print(*sorted(set({FRAMEWORKS!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
