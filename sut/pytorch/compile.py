"""``torch.compile`` for serving: a compiler that is there, frozen weights, few shapes."""

import os
import shutil
import threading
import warnings
from collections.abc import Callable
from typing import Any

from torch import Tensor

from loadscope.errors import InputError


class CompiledModel:
    """Compiles a model at its first batch.

    Images are compiled for each size of batch, so a batch smaller than one that was compiled is
    filled up with zeros to that size instead: the last batch of Offline would otherwise cost half
    a minute of the test. Texts are compiled once for all lengths.

    Args:
        model: A network or program without gradients.
        any_length: The inputs are texts.

    Raises:
        InputError: There is no C++ compiler.
    """

    def __init__(self, model: Callable[..., Any], any_length: bool) -> None:
        _require_compiler()
        with warnings.catch_warnings():
            # What the compiler imports warns of PyTorch's own deprecated parts. Importing it takes
            # seconds, which other runs should not pay.
            warnings.simplefilter("ignore", DeprecationWarning)
            import torch._inductor.config as settings
            import torch.utils.mkldnn
        self._settings: Any = settings
        self._frozen = threading.local()
        self._model = torch.compile(model, dynamic=any_length)
        self._any_length = any_length
        self._sizes: set[int] = set()

    def __call__(self, *inputs: Tensor) -> Any:
        """Run the model on a batch."""
        if not hasattr(self._frozen, "set"):
            # A setting holds for the thread that makes it, and a graph is compiled by whichever
            # thread meets its size first.
            self._settings.freezing = self._frozen.set = True
        if self._any_length:
            return self._model(*inputs)
        count = len(inputs[0])
        size = min((size for size in self._sizes if size >= count), default=count)
        self._sizes = self._sizes | {size}
        if size == count:
            return self._model(*inputs)
        return _first(self._model(*(_filled(each, size) for each in inputs)), count)


def _first(found: Any, count: int) -> Any:
    """The first samples of what a model gave."""
    if isinstance(found, Tensor):
        return found[:count] if found.dim() else found
    if isinstance(found, dict):
        return {name: _first(each, count) for name, each in found.items()}
    return [_first(each, count) for each in found] if isinstance(found, (tuple, list)) else found


def _filled(tensor: Tensor, size: int) -> Tensor:
    filled = tensor.new_zeros((size, *tensor.shape[1:]))
    filled[: len(tensor)] = tensor
    return filled


def _require_compiler() -> None:
    wanted = os.environ.get("CXX")
    if not any(shutil.which(name) for name in ([wanted] if wanted else ["g++", "clang++"])):
        raise InputError(
            f"PyTorch: compile needs a C++ compiler, and there is no {wanted or 'g++'} here",
            "install one (apt install g++) or name it in CXX; or leave compile out",
        )
