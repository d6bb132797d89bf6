"""The model of ``tiny_onnx`` as a ``.tflite`` file, written without a converter."""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

FLOAT32, INT32, INT64, INT8 = 0, 2, 4, 9


def tensor(name, kind, shape, buffer=0, scale=None):
    """``shape`` has -1 for an open size."""
    made = schema.TensorT()
    made.name, made.type, made.buffer = name, kind, buffer
    made.shape = [max(size, 1) for size in shape]
    made.shapeSignature = list(shape)
    made.hasRank = True
    if scale:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [scale], [0]
    return made


def write_model(path, batch=-1, custom="", quantised=False):
    """A model that doubles its input and says where the larger of two values is.

    ``custom`` names an operator to double in the place of ADD; ``quantised`` adds a weight of int8.
    """
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.description = 3, "tiny"
    codes = []
    double = schema.BuiltinOperator.CUSTOM if custom else schema.BuiltinOperator.ADD
    for each in (double, schema.BuiltinOperator.ARG_MAX):
        made = schema.OperatorCodeT()
        made.builtinCode, made.deprecatedBuiltinCode, made.version = each, min(each, 127), 1
        made.customCode = custom if each == schema.BuiltinOperator.CUSTOM else None
        codes.append(made)
    model.operatorCodes = codes
    axis = schema.BufferT()
    axis.data = list((1).to_bytes(4, "little"))
    model.buffers = [schema.BufferT(), axis]
    graph.tensors = [
        tensor("images", FLOAT32, [batch, 2]),
        tensor("nodes/double/AddV2", FLOAT32, [batch, 2]),
        tensor("axis", INT32, [1], buffer=1),
        tensor("best", INT64, [batch]),
    ]
    if quantised:
        graph.tensors.append(tensor("weights", INT8, [2], scale=0.5))
    graph.inputs, graph.outputs = [0], [3, 1]
    double, best = schema.OperatorT(), schema.OperatorT()
    double.opcodeIndex, double.inputs, double.outputs = 0, [0, 0], [1]
    double.builtinOptionsType = schema.BuiltinOptions.AddOptions
    double.builtinOptions = schema.AddOptionsT()
    best.opcodeIndex, best.inputs, best.outputs = 1, [0, 2], [3]
    best.builtinOptionsType = schema.BuiltinOptions.ArgMaxOptions
    best.builtinOptions = schema.ArgMaxOptionsT()
    best.builtinOptions.outputType = INT64
    graph.operators = [double, best]
    model.subgraphs = [graph]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs, signature.outputs = (
        [named("images", 0)],
        [named("best", 3), named("doubled", 1)],
    )
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def named(name, index):
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, index
    return made
