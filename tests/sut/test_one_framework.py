"""Two frameworks in one process, each with its real libraries: told before anything is answered."""

import os
import subprocess
import sys

import pytest

# What is refused is not imported, so a large one may come second.
PAIRS = [("onnxruntime", "opencv"), ("mnn", "pytorch")]
OPEN = """
import sys
from loadscope.errors import InputError
from loadscope.sut.registry import open_backend
try:
    for name in sys.argv[1:]:
        open_backend(name)
        print(name)
except InputError as error:
    print(error.message, error.fix, sep="\\n", file=sys.stderr)
    raise SystemExit(2) from None
"""


def opened(*names, before="", **environment):
    """The status, the backends that were opened, and the lines of the error."""
    done = subprocess.run(
        [sys.executable, "-c", before + OPEN, *names],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
    )
    return done.returncode, done.stdout.split(), done.stderr.splitlines()


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_second_framework_is_refused(first, second):
    status, names, (said, fix) = opened(first, first, second)
    assert (status, names) == (2, [first, first])
    assert "was opened in this process" in said and "may clash" in said
    assert "in a process of its own" in fix


def test_two_backends_of_one_package_share_a_process():
    assert opened("opencv", "caffe", "null") == (0, ["opencv", "caffe", "null"], [])


def test_a_framework_that_only_other_code_uses_is_no_hindrance():
    assert opened("mnn", before="import onnxruntime, cv2\n") == (0, ["mnn"], [])


@pytest.mark.parametrize("before", ["", "import onnxruntime\n"])
def test_libraries_that_cannot_be_loaded_are_told_with_those_before_them(tmp_path, before):
    # The loader itself refuses: the file is no library.
    folder = tmp_path / "MNN"
    folder.mkdir()
    (folder / "libbroken.so").write_bytes(b"\x7fELF")
    (folder / "__init__.py").write_text(
        "import ctypes, pathlib\n"
        "ctypes.CDLL(str(pathlib.Path(__file__).with_name('libbroken.so')))\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    status, names, (said, fix) = opened("mnn", before=before, PYTHONPATH=path)
    assert (status, names) == (2, [])
    assert "MNN cannot be imported: OSError" in said and "libbroken.so" in said
    assert "install it again: pip install" in fix
    assert ("may clash with those of" in fix and "ONNX Runtime" in fix) == bool(before)
