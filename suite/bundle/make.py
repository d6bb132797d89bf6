"""Make a bundle: lay everything out in a folder, list it, and write it as one archive."""

import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import loadscope
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError, near
from loadscope.files import replacing
from loadscope.paths import cache_root
from loadscope.rundir.spec import RunSpec
from loadscope.submission.rounds import CURRENT
from loadscope.suite.bundle.collect import add_dataset, add_model, add_script
from loadscope.suite.bundle.record import LICENCES, PLATFORMS, WHEELS, Bundle, BundledModel
from loadscope.suite.bundle.wheels import download, own_wheel, platform_tags
from loadscope.sums import write_sums
from loadscope.sut.registry import backend_info


@dataclass(frozen=True)
class Asked:
    """What a bundle is to hold.

    Attributes:
        models: Each with its framework, and what is said of a file.
        datasets: Ids, or ``ID=FOLDER``.
        scripts: Scenario scripts.
        dataset_files: Further files of data sets.
        platform: Of the machine that it is for.
        python: Its Python, ``3.11``.
        glibc: Its C library, ``2.28``.
        extras: Further extras of LoadScope.
        wheels: Whether packages go into it.
        wheel: LoadScope's own, where it is not to be built.
        links: Folders with wheels of one's own.
        no_index: Whether packages come from those alone.
    """

    models: Sequence[RunSpec]
    datasets: Sequence[str] = ()
    scripts: Sequence[Path] = ()
    dataset_files: Sequence[Path] = ()
    platform: str = PLATFORMS[0]
    python: str = "3.11"
    glibc: str = "2.28"
    extras: Sequence[str] = ()
    wheels: bool = True
    wheel: Path | None = None
    links: Sequence[Path] = ()
    no_index: bool = False


def make_bundle(asked: Asked, output: Path, progress: Progress) -> Bundle:
    """Write a bundle.

    Args:
        asked: What it is to hold.
        output: The archive, a tar; it must not be there.
        progress: Told of long work.

    Raises:
        InputError: Something named is unknown, or the archive is there already.
        WorkError: A download failed, or the disk is full.
    """
    if output.exists():
        raise InputError(f"{output} is there already", "choose another --output")
    extras = _extras(asked)
    tags = platform_tags(asked.platform, asked.glibc)
    output.parent.mkdir(parents=True, exist_ok=True)
    cache = cache_root()
    try:
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as scratch:
            # Sources in the manifest start from the folder as it is named here.
            folder = Path(scratch).resolve()
            models = tuple(add_model(folder, spec, cache, progress) for spec in asked.models)
            datasets = dict(
                add_dataset(folder, one, asked.dataset_files, cache, progress)
                for one in asked.datasets
            )
            for script in asked.scripts:
                add_script(folder, script)
            requirements = _packages(folder, asked, extras, tags, progress) if asked.wheels else ()
            _licences(folder, models)
            bundle = Bundle(
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                loadscope=loadscope.__version__,
                platform=asked.platform,
                python=asked.python,
                models=models,
                datasets=datasets,
                requirements=requirements,
                round=CURRENT,
            )
            bundle.write(folder)
            start = files("loadscope.suite.bundle") / "start.py"
            (folder / "install.py").write_text(start.read_text(encoding="utf-8"), encoding="utf-8")
            write_sums(folder)
            pack(folder, output, progress)
            return bundle
    except OSError as error:
        raise WorkError(
            f"cannot write {error.filename or output}: {error.strerror or error}",
            "free space, or choose another --output",
        ) from error


def pack(folder: Path, output: Path, progress: Progress, compress: bool = False) -> None:
    """Write a folder's files as a tar, in the order of their names, owned by nobody."""
    paths = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }
    with (
        replacing(output) as temporary,
        tarfile.open(temporary, "w:gz" if compress else "w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for number, (name, path) in enumerate(sorted(paths.items()), start=1):
            archive.add(path, name, filter=_plain)
            progress(f"write {output.name}", number, len(paths))


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    return info


def _extras(asked: Asked) -> list[str]:
    """The extras of LoadScope that frameworks are, and those that are asked for."""
    known = metadata.metadata("loadscope").get_all("Provides-Extra") or []
    for name in asked.extras:
        if name not in known:
            raise InputError(
                f"--extra: unknown extra '{name}'",
                f"{near(name, known)}use one of: {', '.join(known)}",
            )
    frameworks = [spec.framework for spec in asked.models]
    named = [name for name in frameworks if backend_info(name).name in known]
    return list(dict.fromkeys([*named, *asked.extras]))


def _packages(
    folder: Path, asked: Asked, extras: Sequence[str], tags: Sequence[str], progress: Progress
) -> tuple[str, ...]:
    target = folder / WHEELS
    target.mkdir()
    wheel = own_wheel(target, asked.wheel, progress)
    named = f"[{','.join(extras)}]" if extras else ""
    download([f"{wheel}{named}"], target, tags, asked.python, asked.links, asked.no_index, progress)
    return (f"loadscope{named}",)


def _licences(folder: Path, models: Sequence[BundledModel]) -> None:
    """The licences of LoadScope and what comes with it, and a list of what weights are under."""
    target = folder / LICENCES
    target.mkdir()
    for path in metadata.files("loadscope") or ():
        if "licenses" in path.parts and Path(str(path.locate())).is_file():
            # Several have one name, in folders of their own.
            own = target.joinpath(*path.parts[path.parts.index("licenses") + 1 :])
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(path.locate()), own)
    lines = [f"{one.id} ({one.framework}): {one.licence or 'not known'}\n" for one in models]
    (target / "MODELS.txt").write_text("".join(dict.fromkeys(lines)), encoding="utf-8")
