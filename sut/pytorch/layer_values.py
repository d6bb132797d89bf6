"""The inside of a model on PyTorch: what each module without children returned."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.layer_values import LayerValue
from loadscope.sut.pytorch.backend import PyTorchBackend
from loadscope.tensors import Tensors


class PyTorchProbe(PyTorchBackend):
    """A backend whose modules are listened to.

    Args:
        artifact: What ``PyTorchBackend`` loads.
        threads: Threads for each call.

    Raises:
        InputError: As in ``PyTorchBackend.load``.
    """

    def __init__(self, artifact: Artifact, threads: int) -> None:
        self.load(artifact, threads)

    def layers(self, batch: Tensors) -> Sequence[LayerValue]:
        """See ``Probe``; a module that is called again has the call's number behind its name."""
        found: list[LayerValue] = []
        calls: Counter[str] = Counter()
        network = self._network()

        def listener(name: str) -> Any:
            def listen(module: torch.nn.Module, given: Any, result: Any) -> None:
                if isinstance(result, torch.Tensor):
                    calls[name] += 1
                    shown = name if calls[name] == 1 else f"{name}#{calls[name]}"
                    # Copied at once: a following module may work in place.
                    value = result.detach().float().cpu().clone().numpy()
                    found.append(LayerValue(shown, type(module).__name__, value))

            return listen

        handles = [
            module.register_forward_hook(listener(name))
            for name, module in network.named_modules()
            if not list(module.children())
        ]
        try:
            self.predict(batch)
        finally:
            for handle in handles:
                handle.remove()
        return found

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """See ``Probe``: the network's state."""
        for name, tensor in self._network().state_dict().items():
            yield name, tensor.float().cpu().numpy()

    def _network(self) -> torch.nn.Module:
        if isinstance(self._model, torch.nn.Module):
            return self._model
        raise InputError(
            "PyTorch shows the inside of no compiled model", "leave the option compile out"
        )
