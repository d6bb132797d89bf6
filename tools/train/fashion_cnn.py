"""Trains ``fashion-cnn`` on Fashion-MNIST and writes ``tools/build/data/fashion_cnn.pth``.

Run as ``python -m loadscope.tools.train.fashion_cnn FOLDER OUTPUT`` with Fashion-MNIST's four files
in FOLDER (``loadscope fetch fashion-mnist``): some ten minutes of one core. The
seed, the order of the pictures and the one thread make the training repeatable on one machine;
another processor rounds otherwise and comes to other weights of like accuracy.
"""

import gzip
import random
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from loadscope.files import replacing
from loadscope.sut.architectures.registry import build_architecture

SEED, EPOCHS, BATCH, RATE, DECAY = 1715, 12, 128, 0.01, 5e-4
MEAN, STD = 127.5, 127.5
"""What the model's manifest subtracts from pixels of 0 to 255, and divides by."""

_HEADERS = {"images": 16, "labels": 8}


def read(folder: Path, part: str, what: str) -> NDArray[np.uint8]:
    """The pixels ``(samples, 784)`` or labels ``(samples, 1)`` of ``train`` or ``t10k``."""
    (path,) = folder.glob(f"{part}-{what}-idx*-ubyte.gz")
    content = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8)[_HEADERS[what] :]
    return content.reshape(-1, 784 if what == "images" else 1)


def train(folder: Path, output: Path) -> float:
    """Train, and write the weights; the test set is looked at once, when all is done.

    Args:
        folder: Fashion-MNIST's four files.
        output: The state dict to write.

    Returns:
        Top-1 on the 10,000 test pictures, percent.
    """
    torch.manual_seed(SEED)
    random.seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    pictures, labels = _tensors(folder, "train")
    network = build_architecture("fashion-cnn", 10, 28).train()
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    steps = len(labels) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, epochs=EPOCHS, steps_per_epoch=steps
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for epoch in range(EPOCHS):
        order, total = torch.randperm(len(labels)), 0.0
        for step in range(steps):
            rows = order[step * BATCH : (step + 1) * BATCH]
            optimiser.zero_grad()
            loss = loss_of(network(_varied(pictures[rows])), labels[rows])
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {total / steps:.4f}", flush=True)
    network.eval()
    with replacing(output) as temporary, temporary.open("wb") as file:
        torch.save(network.state_dict(), file)
    pictures, labels = _tensors(folder, "t10k")
    with torch.no_grad():
        parts = (pictures[at : at + 1000] for at in range(0, len(pictures), 1000))
        found = torch.cat([network(part).argmax(1) for part in parts])
    return 100.0 * (found == labels).double().mean().item()


def _tensors(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    pixels = torch.from_numpy(read(folder, part, "images").astype(np.float32))
    labels = torch.from_numpy(read(folder, part, "labels")[:, 0].astype(np.int64))
    return ((pixels - MEAN) / STD).reshape(-1, 1, 28, 28), labels


def _varied(pictures: Tensor) -> Tensor:
    """Each picture as it is or mirrored, the batch moved by up to two pixels."""
    mirrored = torch.rand(len(pictures)) < 0.5
    pictures = torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)
    down, right = random.randint(-2, 2), random.randint(-2, 2)
    wide = nn.functional.pad(pictures, (2, 2, 2, 2), value=-1.0)
    return wide[:, :, 2 + down : 30 + down, 2 + right : 30 + right]


if __name__ == "__main__":
    print(f"top-1 {train(Path(sys.argv[1]), Path(sys.argv[2])):.2f} %")
