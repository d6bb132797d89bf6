"""What a program is given: the model to load, and tensors in shared memory."""

import mmap
from typing import Any, Dict, List, Optional, Tuple


class TensorInfo:
    """An input or output as the manifest declares it; see ``loadscope.sut.backend.TensorInfo``."""

    def __init__(self, name: str, dtype: str, shape: List[int]) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = tuple(shape)


class Model:
    """The model's file and how to load it; see ``loadscope.sut.backend.Artifact``."""

    def __init__(
        self,
        path: str,
        format: str,
        inputs: List[Dict[str, Any]],
        outputs: List[Dict[str, Any]],
        layout: str,
        architecture: str,
        options: Dict[str, Any],
        max_batch: Optional[int],
        numerics: str,
    ) -> None:
        self.path = path
        self.format = format
        self.inputs = [TensorInfo(**one) for one in inputs]
        self.outputs = [TensorInfo(**one) for one in outputs]
        self.layout = layout
        self.architecture = architecture
        self.options = options
        self.max_batch = max_batch
        self.numerics = numerics


class Tensor:
    """An input in shared memory; the same object for every batch of a shape.

    Attributes:
        name: Of the input.
        dtype: NumPy's name of its type.
        shape: Its sizes, the batch's first.
    """

    def __init__(
        self, info: TensorInfo, shape: Tuple[int, ...], memory: mmap.mmap, at: int, size: int
    ) -> None:
        self.name = info.name
        self.dtype = info.dtype
        self.shape = shape
        self.buffer = memoryview(memory)[at : at + size]
        self._array: Any = None

    @property
    def array(self) -> Any:
        """The tensor as a NumPy array, which looks into the memory; the next batch lies there."""
        if self._array is None:
            import numpy

            self._array = numpy.frombuffer(self.buffer, self.dtype).reshape(self.shape)
        return self._array
