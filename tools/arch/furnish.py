"""What an emulated machine has to have: the suite, its modules, a model and samples."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import WorkError
from loadscope.suite.fetch import fetch_dataset
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.fetch.build import BuildRequest, build_artifact
from loadscope.suite.fetch.files import Fetched
from loadscope.suite.models.manifest import Catalogue
from loadscope.tools.arch.seeded import write_segmentation

MODEL, DATA = "efficientnet-32", "imagenet-sample20"
_WORKER = ("dask", "distributed")
_PURE = ("jiwer", "rouge_score", "whisper_normalizer")
"""What scores by them needs no compiler, and is not in Debian: this host's is taken."""


def copy_checkout(repository: Path, folder: Path) -> None:
    """Copy the project's checkout as git knows it, with what an installer would write of it.

    Args:
        repository: The checkout.
        folder: The folder to make.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source, target = repository / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.exists() or source.is_symlink():
            shutil.copy(source, target, follow_symlinks=False)
    declare(folder / "src" / "loadscope.dist-info")


def declare(info: Path) -> None:
    """Write what an installer would: tasks and frameworks are found by the entry points in it."""
    installed = importlib.metadata.distribution("loadscope")
    info.mkdir()
    for name in ("METADATA", "entry_points.txt"):
        (info / name).write_text(installed.read_text(name) or "", encoding="utf-8")


def make_site(natives: Path, site: Path) -> None:
    """Copy the modules to a folder that goes on the path of the machine's Python.

    Raises:
        WorkError: One in plain Python is not here.
    """
    shutil.copytree(natives, site)
    version = importlib.metadata.version("loadscope")
    declare(site / f"loadscope-{version}.dist-info")
    for name in _PURE:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise WorkError(f"the lane needs the package {name}", "make setup installs it")
        shutil.copytree(Path(spec.origin).parent, site / name)


def add_worker(site: Path, log: Path) -> None:
    """Add what makes a machine a host of a campaign: Dask of the version that is here.

    Debian's is another one, and the two sides of a campaign have to have the same. It is pure
    Python; what it needs beside itself is in the root.

    Args:
        site: The folder on the path.
        log: Takes what pip says.

    Raises:
        WorkError: It cannot be had.
    """
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in _WORKER]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps"]
    command += ["--only-binary", ":all:", "--platform", "any", "--target", str(site), *wanted]
    with log.open("ab") as said:
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said).returncode:
            raise WorkError(f"cannot have {' and '.join(wanted)}", f"see {log}")


def make_models(folder: Path, cache: Path, progress: Progress) -> Path:
    """Make the models of the lane: a small classifier in two formats, one that segments.

    Args:
        folder: The folder to make.
        cache: The suite's.
        progress: Told what is being made.

    Returns:
        Their manifest.
    """
    entry = Catalogue.load().get("efficientnet-lite0")
    weights = materialise("efficientnet-lite0", entry, "pytorch", cache, progress)
    request = BuildRequest(
        MODEL,
        "onnx",
        {
            "architecture": "efficientnet-lite0",
            "classes": "1000",
            "size": "32",
            "input-name": ["images"],
            "output-name": "logits",
        },
        Fetched(weights.artifact.path, weights.sha256),
    )
    exported = build_artifact(request, cache, progress)
    folder.mkdir(parents=True)
    shutil.copy(exported.path, folder / "efficientnet-32.onnx")
    shutil.copy(weights.artifact.path, folder / "efficientnet.pth")
    write_segmentation(folder / "segments.onnx")
    manifest = folder / "models.yaml"
    shipped = files("loadscope.tools.arch") / "models.yaml"
    manifest.write_text(shipped.read_text("utf-8"), encoding="utf-8")
    return manifest


def copy_data(folder: Path, cache: Path, progress: Progress) -> None:
    """Copy the sample photographs."""
    shutil.copytree(fetch_dataset(DATA, cache, progress), folder)
