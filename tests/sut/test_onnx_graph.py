"""What a model's file tells of the layers that a runtime makes of it."""

from pathlib import Path

from loadscope.sut.tracing.onnx_graph import OnnxGraph


def test_onnx_runtimes_own_format_tells_of_no_operators(tmp_path: Path) -> None:
    path = tmp_path / "model.ort"
    path.write_bytes(b"\x24\0\0\0ORTM" + bytes(40))
    assert OnnxGraph.read(path) == OnnxGraph()
