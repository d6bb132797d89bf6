"""A small seeded network for PyTorch, and what it takes."""

import dataclasses
from pathlib import Path

import numpy as np

from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.tensors import Tensors

LITE = "efficientnet-lite0"


def described(path: Path) -> Artifact:
    """The weights of an EfficientNet-Lite0 for 32 pixels and 10 classes."""
    return Artifact(
        path=path,
        format="state-dict",
        inputs=(TensorInfo("images", "float32", (3, 32, 32)),),
        outputs=(TensorInfo("logits", "float32", (10,)),),
        layout="NCHW",
        architecture=LITE,
    )


def batch(count: int) -> Tensors:
    noise = np.random.default_rng(5).uniform(-1, 1, (count, 3, 32, 32))
    return {"images": noise.astype(np.float32)}


def with_options(artifact: Artifact, **options: object) -> Artifact:
    return dataclasses.replace(artifact, options=options)
