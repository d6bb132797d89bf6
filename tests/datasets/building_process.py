"""Prepares a data set in a process of its own: DATA CACHE WORKERS [LARGEST_FILE].

Prints each call of progress as JSON, then the folder. LARGEST_FILE limits the size of files
that this process and its children may write, bytes.
"""

import json
import resource
import sys
from pathlib import Path

from loadscope.datasets.images.image_preprocess import ImagePreprocess
from loadscope.datasets.registry import task
from loadscope.errors import InputError, LoadScopeError


def main() -> int:
    data, cache, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    if len(sys.argv) > 4:
        largest = int(sys.argv[4])
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    preprocess = ImagePreprocess(
        geometry="crop-then-resize",
        resampler="opencv-bicubic",
        mean=(127, 127, 127),
        std=(128, 128, 128),
    )
    kind = task("image-classification")
    try:
        dataset = kind.read(data, None, 1000)
        folder = kind.prepare(dataset, preprocess, cache, tell, workers)
    except LoadScopeError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        return 130
    print(json.dumps(str(folder)))
    return 0


def tell(what: str, done: int, total: int) -> None:
    print(json.dumps([what, done, total]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
