"""Writes the published accuracies of timm's models on the variants of ImageNet, as package data.

Run with ``python -m loadscope.tools.generate.imagenet_variants CHECKOUT OUTPUT``, CHECKOUT being
one of https://github.com/huggingface/pytorch-image-models (Apache-2.0), of which figures alone are
taken. The first lines of the output say which commit, and the sha256 of every file read.
"""

import csv
import hashlib
import io
import subprocess
import sys
from pathlib import Path

from loadscope.datasets.image_classification.published import VARIANTS
from loadscope.files import write_text

_FILES = {
    "imagenet-v2": "results-imagenetv2-matched-frequency.csv",
    "imagenet-real": "results-imagenet-real.csv",
    "imagenet-a": "results-imagenet-a.csv",
    "imagenet-r": "results-imagenet-r.csv",
    "imagenet-sketch": "results-sketch.csv",
}


def table(checkout: Path) -> str:
    """The table: a model and the size of its images a row, and top-1 on each variant."""
    commit = _git(checkout, "rev-parse", "HEAD").decode().strip()
    notes = [f"# huggingface/pytorch-image-models {commit}, top-1 in percent."]
    found: dict[tuple[str, int], dict[str, str]] = {}
    for variant in VARIANTS:
        content = _git(checkout, "show", f"HEAD:results/{_FILES[variant]}")
        notes.append(f"# {_FILES[variant]} sha256 {hashlib.sha256(content).hexdigest()}")
        for row in csv.DictReader(io.StringIO(content.decode())):
            key = row["model"], int(row["img_size"])
            found.setdefault(key, {})[variant] = f"{float(row['top1']):g}"
    lines = [",".join(("model", "size", *VARIANTS))]
    for (model, size), figures in sorted(found.items()):
        lines.append(",".join([model, str(size), *(figures.get(one, "") for one in VARIANTS)]))
    return "\n".join([*notes, *lines, ""])


def _git(checkout: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


if __name__ == "__main__":
    write_text(Path(sys.argv[2]), table(Path(sys.argv[1])))
