"""Profiles of a GPU in the form in which the frameworks write them; no GPU was at hand."""

import json

from loadscope.sut.onnxruntime.gpu_layers import on_device
from loadscope.sut.tensorrt.layers import engine_layers, laid
from loadscope.sut.tracing.gpu_kernels import (
    as_primitives,
    kineto_kernels,
    launched_between,
    onnxruntime_kernels,
    short_name,
)

BASE = 1_700_000_000_000_000_000
GEMM = "void cutlass::Kernel2<cutlass_80_tensorop_s1688gemm_128x64>(cutlass::Params)"
ADD = "void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>>(int)"


def event(category, name, ts, dur, **args):
    return {"ph": "X", "cat": category, "name": name, "pid": 0, "tid": 7, "ts": ts, "dur": dur,
            "args": args}  # fmt: skip


def launch(ts, correlation):
    return event("cuda_runtime", "cudaLaunchKernel", ts, 4.0, correlation=correlation)


def kernel(name, ts, dur, correlation, **args):
    sizes = {"grid": [8, 1, 1], "block": [128, 1, 1]}
    return event("kernel", name, ts, dur, correlation=correlation, stream=7, **(args or sizes))


KINETO = {
    "baseTimeNanoseconds": BASE,
    "traceEvents": [
        {"ph": "M", "name": "process_name", "pid": 0, "args": {"name": "python"}},
        launch(10.0, 1),
        launch(21.5, 2),
        launch(23.0, 3),
        launch(60.0, 4),
        # The device runs behind the host.
        kernel(GEMM, 40.125, 100.5, 2),
        kernel(ADD, 141.0, 3.0, 3),
        event("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)", 12.0, 20.0, correlation=1,
              bytes=602112),
        event("gpu_memcpy", "Memcpy DtoH (Device -> Pinned)", 150.0, 2.0, correlation=4,
              bytes=4000),
        event("cpu_op", "aten::conv2d", 20.0, 5.0),
    ],
}  # fmt: skip


def test_kernels_of_pytorch_lie_on_the_unix_clock_with_their_launches():
    found = kineto_kernels(KINETO)
    assert [short_name(one.name) for one in found] == [
        "copy to the device",
        "cutlass::Kernel2",
        "at::native::vectorized_elementwise_kernel",
        "copy to the host",
    ]
    assert (found[1].start_ns, found[1].duration_ns) == (BASE + 40_125, 100_500)
    assert found[1].launched_ns == BASE + 21_500
    primitives = as_primitives(found)
    assert primitives[0].shapes == "602112 bytes"
    assert primitives[1].shapes == "grid 8x1x1 block 128x1x1"
    assert primitives[1].implementation == GEMM


def test_a_layer_lasts_from_its_first_kernel_to_its_last_and_copies_are_of_none():
    # A view between the two layers, which launches nothing.
    stamps = [BASE + at for at in (20_000, 22_000, 22_500, 30_000)]
    assert launched_between(stamps, kineto_kernels(KINETO)) == [
        (BASE + 40_125, BASE + 140_625),
        (BASE + 140_625, BASE + 140_625),
        (BASE + 141_000, BASE + 144_000),
    ]
    assert launched_between(stamps, []) == [(stamps[0], stamps[0])] * 3


def node(name, ts, dur, provider="CUDAExecutionProvider"):
    return {"cat": "Node", "name": name, "ts": ts, "dur": dur, "tid": 5,
            "args": {"op_name": "Conv", "provider": provider}}  # fmt: skip


def cupti(name, parent, ts, dur):
    args = {"stream": "23", "grid_x": "4", "grid_y": "2", "grid_z": "1", "block_x": "64",
            "block_y": "1", "block_z": "1", "op_name": "Conv", "parent_name": parent}  # fmt: skip
    return {"cat": "Kernel", "name": name, "ts": ts, "dur": dur, "tid": 0, "args": args}


def test_nodes_of_onnxruntime_are_placed_where_their_kernels_ran():
    events = [
        node("conv1_kernel_time", 10, 3),
        cupti("winograd<float>", "conv1_kernel_time", 20, 30),
        cupti("add_bias", "conv1_kernel_time", 50, 5),
        node("reshape_kernel_time", 14, 1),
        node("shape_kernel_time", 15, 2, provider="CPUExecutionProvider"),
        {"cat": "Session", "name": "model_run", "ts": 9, "dur": 60, "tid": 5},
        # The next call of the same node.
        node("conv1_kernel_time", 110, 3),
        cupti("winograd<float>", "conv1_kernel_time", 121, 29),
    ]
    kernels = onnxruntime_kernels(events, BASE)
    assert kernels[0].shape == "grid 4x2x1 block 64x1x1"
    placed = [one for one in on_device(events, kernels, BASE) if one["cat"] == "Node"]
    assert [(one["name"], one["ts"], one["dur"]) for one in placed] == [
        ("conv1_kernel_time", 20, 35),
        ("shape_kernel_time", 15, 2),
        ("conv1_kernel_time", 121, 29),
    ]


def test_layers_of_tensorrt_are_laid_end_to_end_with_what_the_engine_says_of_them():
    told = json.dumps(
        {
            "Layers": [
                {
                    "Name": "/conv1/Conv + /relu/Relu",
                    "LayerType": "CaskConvolution",
                    "Inputs": [{"Name": "images", "Dimensions": [8, 3, 224, 224]}],
                    "Outputs": [{"Name": "a", "Dimensions": [8, 64, 112, 112]}],
                },
                "named alone",
            ]
        }
    )
    known = engine_layers(told)
    found = laid(BASE, [("/conv1/Conv + /relu/Relu", 0.25), ("named alone", 0.5)], known, 3)
    assert [(one.start_ns - BASE, one.duration_ns) for one in found] == [
        (0, 250_000),
        (250_000, 500_000),
    ]
    assert found[0].attributes["constituents"] == ["/conv1/Conv", "/relu/Relu"]
    assert found[0].type == "CaskConvolution"
    assert found[0].output_shapes == ((8, 64, 112, 112),)
    assert found[1].type == ""
