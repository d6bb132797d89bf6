"""What frameworks in a Python of their own tell, read here: recorded texts, no framework."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.cntk.mpi import make_libraries, stand_in, undefined
from loadscope.sut.cntk.timing import node_times
from loadscope.sut.executorch import layers as executorch
from loadscope.sut.executorch.info import INFO as EXECUTORCH
from loadscope.sut.executorch.notes import append_notes, read_notes
from loadscope.sut.interpreter import means
from loadscope.sut.interpreter.find import requirements
from loadscope.sut.registry import BACKENDS

CALL_NS, START_NS = 1_000_000, 5_000_000_000
ARTIFACT = Artifact(
    Path("model.pte"),
    "pte",
    (TensorInfo("images", "float32", (3, 8, 8)),),
    (TensorInfo("logits", "float32", (5,)),),
)

# CNTK 2.7, print_node_timing of a ResNet-50.
CNTK_TABLE = """
Convolution1006                forward avg 0.024228s, backward avg 0.000000s (fwd# 1|bwd# 0)
ElementTimes1730               forward avg 0.000000s, backward avg 0.000000s (fwd# 0|bwd# 0)
Pad1031                        forward avg 0.019077s, backward avg 0.000000s (fwd# 3|bwd# 0)
"""
# readelf --wide --dyn-syms of libCntk.Core-2.7.so.
SYMBOLS = """
   Num:    Value          Size Type    Bind   Vis      Ndx Name
    62: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND MPI_Comm_rank
    63: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND MPI_Allreduce
    64: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND malloc@GLIBC_2.2.5 (2)
    73: 0000000000000000     0 OBJECT  GLOBAL DEFAULT  UND ompi_mpi_char
  1549: 0000000001494ba0   552 OBJECT  WEAK   DEFAULT   22 _ZTVN9Microsoft3MSR4CNTK13MPIWrapperMpiE
"""


def test_every_environment_is_pinned_whole_with_its_framework():
    pinned = {
        info.name: (info, requirements(info.interpreter).splitlines())
        for info in map(BACKENDS.__getitem__, BACKENDS)
        if info.interpreter is not None and info.answers
    }
    assert {"executorch", "caffe2", "cntk"} <= set(pinned)
    for info, lines in pinned.values():
        assert all(line.count("==") == 1 for line in lines)
        names = {line.partition("==")[0] for line in lines}
        assert names & set(info.distributions)
    # What an exporter does to weights names the version that does it.
    (line,) = [one for one in pinned["executorch"][1] if one.startswith("executorch==")]
    assert all(line.replace("==", " ").lower() in one.does.lower() for one in EXECUTORCH.exporters)


def test_cntks_table_is_read_and_nodes_that_did_not_run_are_left_out():
    assert node_times(CNTK_TABLE) == {"Convolution1006": (0.024228, 1), "Pad1031": (0.019077, 3)}
    assert node_times("Selected CPU as the process wide default device.") == {}


def test_the_stand_in_of_mpi_has_what_cntk_looks_for_elsewhere(tmp_path):
    wanted = undefined(SYMBOLS.splitlines())
    assert wanted == {"MPI_Comm_rank": False, "MPI_Allreduce": False, "ompi_mpi_char": True}
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not on the path")
    source, library = tmp_path / "mpi.c", tmp_path / "libmpi.so.12"
    source.write_text(stand_in(wanted))
    subprocess.run(["gcc", "-shared", "-fPIC", "-w", "-o", library, source], check=True)
    found = ctypes.CDLL(str(library), os.RTLD_LOCAL)
    rank = ctypes.c_int(7)
    assert found.MPI_Comm_rank(None, ctypes.byref(rank)) == 0 and rank.value == 0
    assert found.MPI_Allreduce() == 0
    assert ctypes.c_char.in_dll(found, "ompi_mpi_char").value == b"\0"


def test_without_a_compiler_the_mend_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="gcc is not on the path") as raised:
        make_libraries(tmp_path)
    assert "apt install gcc" in raised.value.fix


def layer(name, type, ns, output, alias="", inputs=((1, 3, 8, 8),)):
    return {
        "name": name, "type": type, "ns": ns, "inputs": inputs, "output": output,
        "dtype": "float32", "alias": alias or name,
    }  # fmt: skip


def test_mean_times_are_laid_one_behind_the_other_within_the_call():
    told = {
        "runs": 5,
        "layers": [layer("c", "Conv", 1_500_000, (1, 4, 8, 8)), layer("f", "FC", 500_000, (1, 5))],
    }
    first, second = means.describe(told, START_NS, CALL_NS, ARTIFACT)
    assert (first.type, second.type) == ("Conv", "Gemm")
    # They took twice the call's time when they were measured.
    assert (first.start_ns, first.duration_ns) == (START_NS, 750_000)
    assert (second.start_ns, second.duration_ns) == (START_NS + 750_000, 250_000)
    assert (first.bytes, first.attributes["mean_ns"], first.attributes["runs"]) == (
        1024, 1_500_000, 5,
    )  # fmt: skip
    # Shorter ones are not stretched.
    (short,) = means.describe(
        {"runs": 5, "layers": [layer("c", "Conv", 9, (1, 4, 8, 8))]}, START_NS, CALL_NS, ARTIFACT
    )
    assert short.duration_ns == 9


def node(name, operator, source, inputs, output):
    return {
        "name": name, "node": f"aten_{name}", "operator": operator, "from": source,
        "inputs": inputs, "output": output, "dtype": "float32",
    }  # fmt: skip


# ETDump's names of XNNPACK's kernels and of one of ExecuTorch's own, of a small network.
EVENTS = [
    ["Transpose (ND, X32) #1", 0, 10, 5],
    ["Convolution (NHWC, F32) IGEMM #1", 0, 20, 100],
    ["Fully Connected (NC, F32) GEMM #1", 0, 120, 50],
    ["native_call_mean.out", 1, 200, 7],
    ["Fully Connected (NC, F32) GEMM #1", 2, 300, 9],
]
NOTES = [
    [
        node("conv", "convolution", ["images"], [[1, 3, 8, 8], [4, 3, 3, 3]], [1, 4, 8, 8]),
        node("relu6", "hardtanh", ["aten_conv"], [[1, 4, 8, 8]], [1, 4, 8, 8]),
        node("point", "convolution", ["aten_relu6"], [[1, 4, 8, 8], [6, 4, 1, 1]], [1, 6, 8, 8]),
    ],
    [node("mean", "mean", ["aten_point"], [[1, 6, 8, 8]], [1, 6])],
    [node("fc", "linear", ["aten_mean"], [[1, 6], [5, 6]], [1, 5])],
]


def test_kernels_have_the_operators_of_the_program_in_turn():
    found = executorch.describe({"events": EVENTS, "notes": NOTES}, START_NS, CALL_NS, ARTIFACT)
    assert [(one.name, one.type) for one in found] == [
        ("Transpose (ND, X32) #1", "Transpose"),
        ("conv", "Conv"),
        ("point", "Conv"),
        ("mean", "ReduceMean"),
        ("fc", "Gemm"),
    ]
    assert [(one.start_ns - START_NS, one.duration_ns) for one in found] == [
        (begin, spent) for _, _, begin, spent in EVENTS
    ]
    # 3 x 3 x 3 multiplications and additions for each of 4 x 8 x 8 numbers, and a Clip behind.
    assert found[1].flops == 4 * 8 * 8 * (2 * 27 + 2)
    assert found[1].attributes["constituents"] == ["aten_conv", "aten_relu6"]
    assert found[2].flops == 6 * 8 * 8 * 2 * 4
    assert found[4].flops == 2 * 6 * 5
    assert "operator" not in found[0].attributes


def test_kernels_of_a_file_without_notes_keep_their_names():
    found = executorch.describe({"events": EVENTS, "notes": []}, START_NS, CALL_NS, ARTIFACT)
    assert [one.type for one in found] == ["Transpose", "Conv", "Gemm", "ReduceMean", "Gemm"]
    assert [one.name for one in found] == [name for name, *_ in EVENTS]


def test_notes_stand_behind_a_program_and_come_back(tmp_path):
    path = tmp_path / "model.pte"
    path.write_bytes(b"\x1c\0\0\0ET12" + bytes(100))
    assert read_notes(str(path)) == []
    append_notes(str(path), NOTES)
    assert path.read_bytes().startswith(b"\x1c\0\0\0ET12")
    assert read_notes(str(path)) == NOTES
