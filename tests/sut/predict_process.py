"""One framework's answers: ``predict_process.py FRAMEWORK CACHE IMAGES.npy FOLDER MODEL...``.

The logits of each model go to ``FOLDER/MODEL.npy``.
"""

import sys
from pathlib import Path

import numpy as np

from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.registry import open_backend

if __name__ == "__main__":
    framework, cache, images, folder, *models = sys.argv[1:]
    for model in models:
        entry = Catalogue.load().get(model)
        artifact = materialise(model, entry, framework, Path(cache), lambda *_: None).artifact
        backend = open_backend(framework)
        backend.load(artifact, threads=2)
        np.save(Path(folder, model), backend.predict({"images": np.load(images)})["logits"])
        backend.close()
