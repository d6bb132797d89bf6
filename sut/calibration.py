"""How a framework's quantiser is called."""

from collections.abc import Callable, Iterator
from pathlib import Path

from loadscope.sut.backend import Artifact
from loadscope.tensors import Tensors

Samples = Callable[[], Iterator[Tensors]]
"""Iterates over the calibration samples anew, each a batch of one sample by input name."""

Quantize = Callable[[Artifact, Samples, Path], None]
"""Quantises a model of float32 into a file; raises ``InputError`` for what cannot be."""
