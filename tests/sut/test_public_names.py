import subprocess
import sys
from types import ModuleType

import pytest

import loadscope.sut

FRAMEWORKS = ("torch", "onnxruntime", "openvino", "onnx", "onnxscript", "tensorflow", "mxnet")


def test_every_exported_name_is_there():
    public = {
        name
        for name, value in vars(loadscope.sut).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert public == set(loadscope.sut.__all__)


@pytest.mark.parametrize(
    "module",
    [
        "loadscope.sut",
        "loadscope.sut.declared",
        "loadscope.sut.architectures",
        "loadscope.tools.build",
        "loadscope.suite.models.manifest",
        "loadscope.suite.fetch.artifacts",
        "loadscope.suite.fetch.diagnosis",
    ],
)
def test_the_core_imports_no_framework(module):
    code = f"import sys, {module}; print(*sorted(set({FRAMEWORKS!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
