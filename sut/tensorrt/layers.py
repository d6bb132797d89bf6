"""An engine's layers as its inspector tells them: what they are made of, and their shapes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadscope.sut.tracing.record import LayerRecord, Shapes

Told = list[tuple[str, float]]
"""Names of layers and milliseconds, in the order of execution."""


@dataclass(frozen=True)
class EngineLayer:
    """A layer of an engine.

    Attributes:
        name: TensorRT's: the names of the ONNX nodes that are fused into it, joined by `` + ``.
        type: TensorRT's kind (``CaskConvolution``, ``Reformat``).
        inputs: Shapes, with the batch of the engine's profile.
        outputs: Likewise.
    """

    name: str
    type: str
    inputs: Shapes
    outputs: Shapes

    @property
    def constituents(self) -> list[str]:
        """The nodes of the ONNX file that are in it."""
        return [part.strip() for part in self.name.split(" + ")]


def engine_layers(told: str) -> dict[str, EngineLayer]:
    """The layers by name, from ``IEngineInspector.get_engine_information`` as JSON.

    Args:
        told: With the verbosity ``DETAILED``; a lesser one has names alone.
    """
    found = {}
    for layer in json.loads(told).get("Layers", []):
        if isinstance(layer, str):
            found[layer] = EngineLayer(layer, "", (), ())
            continue
        name = layer["Name"]
        found[name] = EngineLayer(
            name, layer.get("LayerType", ""), _shapes(layer, "Inputs"), _shapes(layer, "Outputs")
        )
    return found


def _shapes(layer: Mapping[str, Any], side: str) -> Shapes:
    return tuple(tuple(tensor.get("Dimensions", ())) for tensor in layer.get(side, ()))


def laid(begun: int, told: Told, known: dict[str, EngineLayer], thread: int) -> list[LayerRecord]:
    """The records of one call.

    Args:
        begun: Unix nanoseconds.
        told: Names and milliseconds, in the order of execution.
        known: What the engine says of its layers.
        thread: The caller's.
    """
    found = []
    start = begun
    for index, (name, milliseconds) in enumerate(told):
        layer = known.get(name, EngineLayer(name, "", (), ()))
        duration = round(milliseconds * 1e6)
        found.append(
            LayerRecord(
                index=index,
                name=name,
                type=layer.type,
                start_ns=start,
                duration_ns=duration,
                input_shapes=layer.inputs,
                output_shapes=layer.outputs,
                dtype="",
                bytes=0,
                flops=0,
                thread=thread,
                attributes={"constituents": layer.constituents, "operator": layer.type},
            )
        )
        start += duration
    return found
