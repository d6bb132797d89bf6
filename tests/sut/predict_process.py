"""One framework's answers: ``predict_process.py FRAMEWORK MODEL CACHE IMAGES.npy OUTPUT.npy``."""

import sys
from pathlib import Path

import numpy as np

from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.registry import open_backend

if __name__ == "__main__":
    framework, model, cache, images, output = sys.argv[1:]
    entry = Catalogue.load().get(model)
    artifact = materialise(model, entry, framework, Path(cache), lambda *_: None).artifact
    backend = open_backend(framework)
    backend.load(artifact, threads=2)
    np.save(output, backend.predict({"images": np.load(images)})["logits"])
