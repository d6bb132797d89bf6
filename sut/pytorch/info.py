"""What can be said of PyTorch without importing it."""

from loadscope.sut.exporter import Exporter
from loadscope.sut.info import BackendInfo, Option, Tunable
from loadscope.sut.quantizer import Quantizer

_DEVICES = ("cpu", "cuda", "xpu", "mps", "nnpa")
_NETWORK = ("architecture", "classes", "size")
_CODE = ("loadscope.sut.architectures", "loadscope.tools.build")

INFO = BackendInfo(
    name="pytorch",
    title="PyTorch",
    location="loadscope.sut.pytorch.backend:PyTorchBackend",
    package="torch",
    distributions=("torch",),
    install="pip install 'loadscope[pytorch]'",
    formats=("state-dict", "torchscript", "exported-program"),
    options={
        "channels_last": Option(bool, weights={True: "laid out channels-last"}),
        "fold_batch_norm": Option(
            bool, weights={True: "batch norms folded into the convolutions before them"}
        ),
        "onednn_linear": Option(bool, weights={True: "of linear layers laid out by oneDNN"}),
        "freeze": Option(bool, weights={True: "made constants and folded by torch.jit.freeze"}),
        "compile": Option(
            bool, weights={True: "made constants, folded and packed by torch.compile"}
        ),
        "cuda_graphs": Option(bool),
        # An IBM Z's NNPA computes in DLFLOAT16, whatever the numbers are that it is given.
        "device": Option(
            str,
            (),
            {"nnpa": "rounded to DLFLOAT16 for the NNPA"},
            {"nnpa": "dlfloat16"},
        ),
        "tf32": Option(bool, numerics={True: "tf32"}),
        "dtype": Option(
            str,
            ("float32", "bfloat16", "float16"),
            {"bfloat16": "rounded to bf16", "float16": "rounded to fp16"},
            {"float32": "float32", "bfloat16": "bfloat16", "float16": "float16"},
        ),
    },
    tunables=(
        Tunable("channels_last", (False, True), inputs="images"),
        Tunable("fold_batch_norm", (False, True), inputs="images"),
        Tunable("onednn_linear", (False, True), inputs="texts"),
        Tunable("compile", (False, True)),
        Tunable("dtype", ("float32", "bfloat16"), numerics=True),
    ),
    devices=_DEVICES,
    device_fault="loadscope.sut.pytorch.devices:device_fault",
    trace_levels=("framework", "layer", "library"),
    overheads={"layer": (1.0, 1.02)},
    exporters=(
        Exporter(
            name="seeded-state-dict",
            command="loadscope.tools.build.commands:seeded_state_dict",
            does="random numbers of a fixed seed",
            suffix=".pth",
            needs=("torch",),
            install="pip install 'loadscope[pytorch]'",
            code=_CODE,
            takes=(*_NETWORK, "seed"),
            requires=("seed",),
        ),
        Exporter(
            name="merged-state-dict",
            command="loadscope.tools.build.commands:merged_state_dict",
            does="a fine-tuning delta added to them",
            suffix=".pth",
            needs=("torch", "safetensors"),
            install="pip install 'loadscope[pytorch]'",
            code=_CODE,
            takes=(*_NETWORK, "delta"),
            origin_option="base",
            requires=("base", "base_sha256", "delta"),
        ),
        Exporter(
            name="state-dict-from-onnx",
            command="loadscope.tools.build.commands:state_dict_from_onnx",
            does="read from ONNX into a PyTorch state dict",
            suffix=".pth",
            needs=("torch", "onnx"),
            install="pip install 'loadscope[export]'",
            code=_CODE,
            takes=_NETWORK,
            origin="onnx",
            origin_option="onnx",
        ),
    ),
    files={"exported-program": (".pt2",), "torchscript": (".pt", ".pth", ".ts", ".torchscript")},
    signature="loadscope.sut.pytorch.signature:read",
    probe="loadscope.sut.pytorch.layer_values:PyTorchProbe",
    quantizer=Quantizer(
        location="loadscope.sut.pytorch.quantize:quantize",
        tool="PyTorch's FX quantisation",
        does="weights to int8 by output channel, activations to uint8 by their histogram, after "
        "ReLU6 by their range",
        formats=("state-dict",),
        makes="torchscript",
        suffix=".pt",
        needs=("torch",),
        install="pip install 'loadscope[pytorch]'",
    ),
    tasks=("image-classification", "object-detection", "question-answering"),
)
