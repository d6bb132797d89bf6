"""The backend without a model in another Python: what the way there costs."""

import os
import time
from typing import Any, Dict, List, Sequence, Tuple

from loadscope.sut.interpreter.guest.errors import InputError
from loadscope.sut.interpreter.guest.model import Model, Tensor

_BYTES: Dict[str, Tuple[Any, int]] = {
    "float32": ("f", 4),
    "float64": ("d", 8),
    "int32": ("i", 4),
    "int64": ("q", 8),
}


class NullProgram:
    """Answers every batch with zeros of the declared output shape.

    Options of the artifact:
        delay_us: Time to wait for each batch, microseconds (default 0).
        fail_at: The batch, counted from 1, that raises instead of answering (default never).
        end_at: The batch at which the process ends without a word (default never).
    """

    def load(self, model: Model, threads: int) -> Dict[str, Any]:
        """Take over the declared outputs; there is no file to read."""
        for info in model.outputs:
            if info.dtype not in _BYTES or -1 in info.shape:
                raise InputError(
                    "output '{}' is {} {}".format(info.name, info.dtype, list(info.shape)),
                    "the null backend gives {} of a fixed shape".format(", ".join(_BYTES)),
                )
        self._outputs = model.outputs
        self._delay = model.options.get("delay_us", 0) / 1e6
        self._fail_at = model.options.get("fail_at", 0)
        self._end_at = model.options.get("end_at", 0)
        self._batches = 0
        self._answers: Dict[int, List[Any]] = {}
        return {"settings": {"threads": threads}}

    def predict(self, inputs: Sequence[Tensor]) -> Sequence[Any]:
        """Return zeros, shape ``(batch, *declared shape)``."""
        self._batches += 1
        if self._batches == self._fail_at:
            raise RuntimeError("the null backend fails at batch {} as asked".format(self._fail_at))
        if self._batches == self._end_at:
            os._exit(3)
        if self._delay:
            time.sleep(self._delay)
        size = inputs[0].shape[0]
        answer = self._answers.get(size)
        if answer is None:
            answer = self._answers[size] = [
                _zeros(info.dtype, (size, *info.shape)) for info in self._outputs
            ]
        return answer

    def close(self) -> None:
        """Drop the answers."""
        self._answers.clear()


def _zeros(dtype: str, shape: Tuple[int, ...]) -> Any:
    letter, size = _BYTES[dtype]
    for axis in shape:
        size *= axis
    return memoryview(bytes(size)).cast(letter, list(shape))
