"""What can be said of ONNX Runtime GenAI without importing it."""

from loadscope.sut.info import BackendInfo

INFO = BackendInfo(
    name="genai",
    title="ONNX Runtime GenAI",
    location="loadscope.sut.genai.backend:GenaiBackend",
    package="onnxruntime_genai",
    distributions=("onnxruntime-genai",),
    install="pip install 'loadscope[genai]'",
    formats=("genai",),
    folders=("genai",),
    files={"genai": ("genai_config.json",)},
    signature="loadscope.sut.genai.folder:read",
    generates=True,
    tasks=("language-generation",),
    notes=(
        "Its engine decides which sequences share a step, so no step is traced.",
        "Without engine.dynamic_batching in genai_config.json it has up to four sequences in a "
        "batch, and the next ones join when all of them are done.",
    ),
)
