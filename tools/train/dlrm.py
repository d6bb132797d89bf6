"""Trains ``dlrm-small`` on generated clicks and writes ``tools/build/data/dlrm_small.pth``.

Run as ``python -m loadscope.tools.train.dlrm OUTPUT``: about a minute of one core. No row is seen
twice, and none of those that are shipped.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from loadscope.datasets.recommendation.click_score import auc
from loadscope.files import replacing
from loadscope.sut.architectures.registry import build_architecture
from loadscope.tools.generate.clicks import SHIPPED, Generated, clicks

SEED, STEPS, BATCH, RATE = 1715, 2500, 1024, 0.01
_FIRST = 10_000_000
"""The seed of the first batch; the ones after it follow."""


def train(output: Path) -> tuple[float, float]:
    """Train, and write the weights; the shipped rows are looked at once, when all is done.

    Args:
        output: The state dict to write.

    Returns:
        AUC on the shipped rows, and the best possible one.
    """
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    network = build_architecture("dlrm-small", 1, 1).train()
    nn.init.normal_(network.get_submodule("tables").get_parameter("weight"), std=0.1)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    loss_of, total = nn.BCEWithLogitsLoss(), 0.0
    for step in range(STEPS):
        rows = clicks(BATCH, _FIRST + step)
        optimiser.zero_grad()
        loss = loss_of(network(*_fed(rows))[:, 0], torch.from_numpy(rows.label.astype(np.float32)))
        loss.backward()
        optimiser.step()
        schedule.step()
        total += loss.item()
        if step % 100 == 99:
            print(f"step {step + 1} of {STEPS}: loss {total / 100:.4f}", flush=True)
            total = 0.0
    network.eval()
    with replacing(output) as temporary, temporary.open("wb") as file:
        torch.save(network.state_dict(), file)
    rows = clicks(4096, SHIPPED)
    with torch.no_grad():
        found = network(*_fed(rows))[:, 0].numpy()
    label, ones = rows.label.astype(np.float32), np.ones(len(rows.label), np.float32)
    return auc(found, label, ones), auc(rows.probability, label, ones)


def _fed(rows: Generated) -> tuple[Tensor, Tensor]:
    dense = torch.from_numpy(np.log1p(rows.dense.astype(np.float32)))
    return dense, torch.from_numpy(rows.sparse.astype(np.int64))


if __name__ == "__main__":
    print("AUC {:.4f}, best possible {:.4f}".format(*train(Path(sys.argv[1]))))
