"""Calls of a session whose tensors are on a device: bound once a shape, filled each time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import onnxruntime

from loadscope.tensors import Tensors

_SHAPES = 8
"""Bindings that one caller keeps; the one made longest ago makes way."""


@dataclass(frozen=True)
class _Bound:
    binding: Any
    inputs: dict[str, Any]


class Bindings:
    """Runs batches in a session through buffers of a device, a set of them a call at once.

    Args:
        session: The session.
        inputs: The names to fill.
        outputs: The names to give.
        device: ONNX Runtime's name of the device (``cuda``, ``cpu``) and its number.
    """

    def __init__(
        self, session: Any, inputs: Sequence[str], outputs: Sequence[str], device: tuple[str, int]
    ) -> None:
        self._session, self._device = session, device
        self._inputs, self._outputs = list(inputs), list(outputs)
        # Not of threads: warm-up, calibration and the test each have their own.
        self._free: list[dict[object, _Bound]] = []

    def run(self, batch: Tensors) -> Tensors:
        """Run a batch; the outputs have memory of their own."""
        try:
            known = self._free.pop()
        except IndexError:
            known = {}
        key = tuple(batch[name].shape for name in self._inputs)
        if key not in known:
            while len(known) >= _SHAPES:
                known.pop(next(iter(known)))
            known[key] = self._bind(batch)
        bound = known[key]
        for name, value in bound.inputs.items():
            value.update_inplace(batch[name])
        self._session.run_with_iobinding(bound.binding)
        found = bound.binding.copy_outputs_to_cpu()
        self._free.append(known)
        return dict(zip(self._outputs, found, strict=True))

    def _bind(self, batch: Tensors) -> _Bound:
        kind, number = self._device
        binding, inputs = self._session.io_binding(), {}
        for name in self._inputs:
            array = batch[name]
            inputs[name] = onnxruntime.OrtValue.ortvalue_from_shape_and_type(
                array.shape, array.dtype, kind, number
            )
            binding.bind_ortvalue_input(name, inputs[name])
        for name in self._outputs:
            # Without a shape: the session takes what the output needs, on the device.
            binding.bind_output(name, kind, number)
        return _Bound(binding, inputs)
