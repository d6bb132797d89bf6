"""Answers of a family's model: ``zoo_process.py FRAMEWORK MODEL CACHE OUTPUT.npz``."""

import sys
from pathlib import Path

import numpy as np

from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.registry import open_backend

_BATCH, _LENGTH, _TILES = 3, 12, 4

if __name__ == "__main__":
    framework, model, cache, output = sys.argv[1:]
    entry = Catalogue.load().get(model)
    artifact = materialise(model, entry, framework, Path(cache), lambda *_: None).artifact
    random = np.random.default_rng(1)
    batch = {}
    for one in artifact.inputs:
        shape = (_BATCH, *(_LENGTH if size == -1 else size for size in one.shape))
        if one.name == "input_ids":
            batch[one.name] = random.integers(0, 30522, shape)
        elif one.dtype == "int64":
            batch[one.name] = np.full(shape, one.name == "attention_mask", np.int64)
        else:
            # Coarse tiles: of white noise all means are alike. Channels are normalised nearly
            # alike by the models of the test.
            how = entry.artifact_for(framework).preprocess
            tile = np.arange(how.size) * _TILES // how.size
            pixels = random.uniform(0, 255, (_BATCH, _TILES, _TILES, 3))[:, tile][:, :, tile]
            if artifact.layout == "NCHW":
                pixels = pixels.transpose(0, 3, 1, 2)
            normal = ((pixels - how.mean[0]) / how.std[0]).astype(one.dtype)
            batch[one.name] = np.ascontiguousarray(normal)
    backend = open_backend(framework)
    backend.load(artifact, threads=2)
    np.savez(output, **backend.predict(batch))
    backend.close()
