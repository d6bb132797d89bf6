"""Batch norm folded into the convolution before it."""

import itertools

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(network: nn.Module) -> None:
    """Give each convolution the scale and shift of the batch norm that follows it, in place.

    The networks here register a batch norm right after the convolution that feeds it, which is
    what tells the pairs. The same function is computed, in fewer passes over memory.

    Args:
        network: A network in evaluation mode.
    """
    # Parents alone: a list of all modules would keep every unfolded weight in memory.
    parents = [module for module in network.modules() if any(module.children())]
    for parent in parents:
        children = list(parent.named_children())
        for (name, module), (follower, norm) in itertools.pairwise(children):
            if isinstance(module, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                parent.register_module(name, fuse_conv_bn_eval(module, norm))
                parent.register_module(follower, nn.Identity())
