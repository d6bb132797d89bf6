"""Linear layers computed by oneDNN."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn


class OneDnnLinear(nn.Module):
    """A linear layer whose product oneDNN computes instead of MKL, in float32.

    The same sums are taken in another order. On AMD's processors MKL keeps to slower code, and
    oneDNN takes half the time.

    Args:
        dense: The layer to compute.
    """

    def __init__(self, dense: nn.Linear) -> None:
        super().__init__()
        with warnings.catch_warnings():
            # It is written in TorchScript, of which PyTorch warns that it has had its day; and
            # its import takes a while, which other runs should not pay.
            warnings.simplefilter("ignore", DeprecationWarning)
            from torch.utils.mkldnn import MkldnnLinear

            self.product: Any = MkldnnLinear(dense, torch.float32)

    def forward(self, given: Tensor) -> Tensor:
        """Multiply and add.

        Args:
            given: ``(..., inputs)``, float32.

        Returns:
            ``(..., outputs)``, float32.
        """
        found: Tensor = self.product(given)
        return found


def use_onednn(network: nn.Module) -> None:
    """Have oneDNN compute the linear layers of a network, in place.

    Args:
        network: A network in evaluation mode.
    """
    for parent in [module for module in network.modules() if any(module.children())]:
        for name, module in list(parent.named_children()):
            if isinstance(module, nn.Linear):
                parent.register_module(name, OneDnnLinear(module))
