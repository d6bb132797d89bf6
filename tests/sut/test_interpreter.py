"""The null backend in another Python: a worker process, shared memory, and every way to fail."""

import ast
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.info import BackendInfo
from loadscope.sut.interpreter import find as finding
from loadscope.sut.interpreter.backend import InterpreterBackend
from loadscope.sut.interpreter.declared import Interpreter
from loadscope.sut.interpreter.process import Worker
from loadscope.sut.null.info import IN_INTERPRETER
from loadscope.sut.registry import BACKENDS, open_backend

SUT = Path(__file__).resolve().parents[2] / "sut"
VARIABLE = "LOADSCOPE_PYTHON_NULL_INTERPRETER"
BATCH = {"image": np.ones((2, 3, 4), np.float32), "length": np.arange(2)}


def artifact(**options):
    inputs = (TensorInfo("image", "float32", (3, -1)), TensorInfo("length", "int64", ()))
    outputs = (TensorInfo("scores", "float32", (5,)), TensorInfo("best", "int64", ()))
    return Artifact(Path("none"), "none", inputs, outputs, options=options)


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setenv(VARIABLE, sys.executable)


@pytest.fixture
def backend():
    opened = open_backend("null-interpreter")
    assert isinstance(opened, InterpreterBackend)
    yield opened
    opened.close()


def worker_of(backend):
    return psutil.Process(backend._worker.pid)


def test_what_runs_there_is_plain_python_of_3_6():
    programs = [
        SUT / Path(*info.location.partition(":")[0].split(".")[2:]).with_suffix(".py")
        for info in map(BACKENDS.get, BACKENDS)
        if info is not None and info.interpreter is not None
    ]
    assert programs
    sources = [*(SUT / "interpreter/guest").glob("*.py"), *programs]
    for path in sources:
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))
        named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported = {module for module in named if module.startswith("loadscope")}
        own = f"loadscope.sut.{path.parent.name}."
        guest = "loadscope.sut.interpreter.guest."
        assert all(module.startswith((own, guest)) for module in imported), path


def test_outputs_are_answered_and_stay_the_callers(backend):
    backend.load(artifact(), threads=1)
    first = backend.predict(BATCH)
    first["scores"] += 1
    second = backend.predict(BATCH)
    assert {name: (one.shape, one.dtype.name) for name, one in second.items()} == {
        "scores": ((2, 5), "float32"),
        "best": ((2,), "int64"),
    }
    assert not second["scores"].any() and first["scores"].all()
    assert backend.effective().settings == {
        "threads": 1,
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def test_batches_of_any_size_from_several_threads(backend):
    backend.load(artifact(), threads=1)

    def right(number: int) -> bool:
        size, length = 1 + number % 7, 1 + number % 5 * 9000
        image = np.full((size, 3, length), number, np.float32)
        found = backend.predict({"image": image, "length": np.arange(size)})
        return bool(found["scores"].shape == (size, 5) and found["best"].shape == (size,))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(right, range(200)))


def test_calls_are_timed_where_they_are_made(backend):
    backend.load(artifact(delay_us=2000), threads=1)
    tracer = backend.tracer(with_layers=False)
    tracer.predict(BATCH)
    tracer.forget()
    for _ in range(3):
        tracer.predict(BATCH)
    calls = tracer.finish()
    assert len(calls) == 3
    assert all(call.duration_ns >= 2_000_000 and not call.layers for call in calls)
    assert {call.thread for call in calls} == {threading.get_native_id()}
    with pytest.raises(InputError, match="does not tell of its layers"):
        backend.tracer(with_layers=True)


def test_an_exception_there_is_raised_here_and_the_worker_lives_on(backend):
    backend.load(artifact(fail_at=2), threads=1)
    backend.predict(BATCH)
    with pytest.raises(
        WorkError, match="RuntimeError: the null backend fails at batch 2"
    ) as raised:
        backend.predict(BATCH)
    assert "null/program.py" in str(raised.value.__cause__)
    assert backend.predict(BATCH)["best"].tolist() == [0, 0]


@pytest.mark.parametrize("killed", [False, True])
def test_a_worker_that_dies_is_an_error_and_no_hang(backend, killed):
    backend.load(artifact(end_at=0 if killed else 2), threads=1)
    backend.predict(BATCH)
    if killed:
        worker_of(backend).kill()
    with pytest.raises(WorkError, match=f"ended with {'signal 9' if killed else 'status 3'}"):
        backend.predict(BATCH)


def test_the_worker_ends_with_the_backend(backend):
    backend.load(artifact(), threads=1)
    worker = worker_of(backend)
    backend.close()
    assert not worker.is_running()
    # A bare Python, whatever the memory of this process is.
    assert 1e6 < backend.peak_elsewhere() < 1e8
    with pytest.raises(RuntimeError, match="after close"):
        backend.predict(BATCH)


def test_what_the_program_refuses_is_the_users_to_mend(backend):
    odd = artifact()
    odd = Artifact(odd.path, "none", odd.inputs, (TensorInfo("scores", "bool", ()),))
    with pytest.raises(InputError, match="output 'scores' is bool") as raised:
        backend.load(odd, threads=1)
    assert "float32, float64" in raised.value.fix


def named(python, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(python))
    info = IN_INTERPRETER
    with pytest.raises(InputError) as raised:
        info.require_installed()
    assert not info.installed() and info.version() is None
    return raised.value


def test_a_python_that_does_not_run_is_named_with_its_variable(monkeypatch, tmp_path):
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\necho nothing\n")
    assert f"{VARIABLE}: cannot run {silent}" in named(silent, monkeypatch).message  # no permission
    silent.chmod(0o755)
    assert "does not answer as Python 3 does" in named(silent, monkeypatch).message
    assert "No such file" in named(tmp_path / "absent", monkeypatch).message


def needing(oldest, newest, **more):
    return BackendInfo(
        "null-interpreter", "Old", IN_INTERPRETER.location, more.pop("package", ""), (), "", (),
        interpreter=Interpreter(oldest, newest, **more),
    )  # fmt: skip


def test_another_version_is_refused_by_name():
    old = needing((3, 6), (3, 7))
    with pytest.raises(InputError, match=r"is Python 3\.\d+\.\d+; Old needs Python 3.6 to 3.7"):
        old.require_installed()


def test_a_missing_package_is_told_before_anything_starts():
    with pytest.raises(InputError, match="does not have the package absent_here of Old"):
        needing((3, 6), (3, 13), package="absent_here").require_installed()


def test_a_program_that_cannot_be_imported_says_by_which_python(monkeypatch):
    info = needing((3, 6), (3, 13))
    object.__setattr__(info, "location", "loadscope.sut.null.absent:Program")
    with pytest.raises(InputError, match=r"Old cannot be imported by .*No module named") as raised:
        Worker(info)
    assert f"unset {VARIABLE}" in raised.value.fix


def test_without_a_python_the_mend_is_the_command_or_the_version(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="which is not made yet") as raised:
        IN_INTERPRETER.require_installed()
    assert raised.value.fix == "loadscope env create null-interpreter"
    monkeypatch.setattr(finding, "candidates", lambda _: iter(()))
    with pytest.raises(InputError) as raised:
        needing((3, 7), (3, 7)).require_installed()
    assert raised.value.fix.startswith(
        "install Python 3.7 (pyenv install 3.7), then: loadscope env"
    )


def test_an_environment_of_other_packages_is_not_used(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path))
    folder = finding.environment_folder("null-interpreter")
    folder.mkdir(parents=True)
    (folder / finding.RECORD).write_text(json.dumps({"identity": "of another version"}))
    with pytest.raises(InputError, match="was made of other packages") as raised:
        IN_INTERPRETER.require_installed()
    assert raised.value.fix == "loadscope env create null-interpreter"


def test_the_worker_does_not_see_this_environments_packages(backend, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    assert "PYTHONPATH" not in finding.clean_environment()
