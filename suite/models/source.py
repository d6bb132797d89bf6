"""Where a model's file comes from: the forms of ``source`` in a manifest."""

import ipaddress
import os
import re
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit, urlunsplit

from loadscope.suite.models.exporters import exporters

REGISTRIES = {
    # PEP 503, PEP 440.
    "pypi": (r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", r"[A-Za-z0-9][A-Za-z0-9.!+_-]*"),
    # Debian Policy 5.6.7, 5.6.12.
    "deb": (r"[a-z0-9][a-z0-9+.-]+", r"[0-9][A-Za-z0-9.+:~-]*"),
    # package.json: name, version.
    "npm": (r"(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*", r"[0-9][A-Za-z0-9.+-]*"),
}
"""Registries of packages, and the forms of names and versions that each allows."""

_HUB = re.compile(
    r"(?P<repository>[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*)"
    r"@(?P<revision>[A-Za-z0-9][A-Za-z0-9._-]*)#(?P<member>.+)"
)


@dataclass(frozen=True)
class WebSource:
    """A file at a web address (``https:``, or ``http:`` on this machine)."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class Package:
    """A package of a registry; it is downloaded by the registry's own client, never installed.

    Attributes:
        registry: One of ``REGISTRIES``: a wheel (``pypi``), or a package of Debian or of npm.
        name: What the registry calls it.
        version: The exact version.
    """

    registry: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.registry}:{self.name}=={self.version}"


@dataclass(frozen=True)
class PackageSource:
    """A file in a package; ``member`` is its path there, with slashes."""

    package: Package
    member: str

    def __str__(self) -> str:
        return f"{self.package}#{self.member}"


@dataclass(frozen=True)
class HubSource:
    """A file in a repository of the Hugging Face hub.

    Attributes:
        repository: ``owner/name``.
        revision: A commit, tag or branch.
        member: The file's path in the repository, with slashes.
    """

    repository: str
    revision: str
    member: str

    @property
    def url(self) -> str:
        """Its web address; HF_ENDPOINT names a mirror of the hub, as it does to its own client."""
        hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        revision = quote(self.revision, safe="")
        return f"{hub.rstrip('/')}/{self.repository}/resolve/{revision}/{quote(self.member)}"

    def __str__(self) -> str:
        return f"hub:{self.repository}@{self.revision}#{self.member}"


@dataclass(frozen=True)
class FileSource:
    """A file on this machine.

    Attributes:
        path: Where it is.
        shipped: Its path in LoadScope's own package, where it comes with that; otherwise empty.
    """

    path: Path
    shipped: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        return f"package:{self.shipped}" if self.shipped else f"file:{self.path}"


@dataclass(frozen=True)
class BuildSource:
    """A file that an exporter of ``loadscope.tools.build`` makes here."""

    exporter: str

    def __str__(self) -> str:
        return f"build:{self.exporter}"


FetchedSource = WebSource | PackageSource | HubSource | FileSource
Source = FetchedSource | BuildSource


def beside(source: FetchedSource, name: str) -> FetchedSource:
    """A file of the folder that a source's file is in, or of one below.

    Args:
        source: A file's source.
        name: The other file's path from there, with slashes.
    """
    if isinstance(source, FileSource):
        near = str(PurePosixPath(source.shipped).parent / name) if source.shipped else ""
        return FileSource(source.path.parent / name, shipped=near)
    if isinstance(source, PackageSource | HubSource):
        return replace(source, member=str(PurePosixPath(source.member).parent / name))
    parts = urlsplit(source.url)
    path = str(PurePosixPath(parts.path).parent / quote(name))
    return WebSource(urlunsplit(parts._replace(path=path)))


def parse_source(text: str) -> Source:
    """Read a ``source``.

    Args:
        text: ``https://host/path``, ``pypi:<name>==<version>#<path in the package>`` (``deb:``
            and ``npm:`` likewise), ``hub:<owner>/<name>@<revision>#<path in the repository>``,
            ``file:<path>``, ``package:<path in LoadScope's own package>`` or
            ``build:<exporter>``.

    Raises:
        ValueError: It has none of these forms; the message says what is wrong with it.
    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme in ("http", "https"):
        return _web(text)
    if colon and scheme in REGISTRIES:
        return _in_package(scheme, rest)
    if colon and scheme == "hub":
        return _hub(rest)
    if colon and scheme == "package":
        path = Path(str(files("loadscope")), _plain(rest, "LoadScope's package"))
        if not path.is_file():
            raise ValueError(f"LoadScope ships no file '{rest}'")
        return FileSource(path, shipped=rest)
    if colon and scheme == "file":
        if not rest or "\0" in rest:
            raise ValueError("file: needs a path after it")
        return FileSource(Path(rest))
    if colon and scheme == "build":
        if rest not in exporters():
            raise ValueError(f"unknown exporter '{rest}'; known: {', '.join(exporters())}")
        return BuildSource(rest)
    registries = ", ".join(f"{name}:" for name in REGISTRIES)
    raise ValueError(
        f"expected https:, {registries}, hub:, file:, package: or build: at its beginning"
    )


def parse_package(text: str) -> Package:
    """Read a package's ``<registry>:<name>==<version>``.

    Raises:
        ValueError: It has not that form.
    """
    registry, _, rest = text.partition(":")
    name, version = REGISTRIES.get(registry, ("(?!)", ""))
    match = re.fullmatch(f"({name})==({version})", rest)
    if match is None:
        raise ValueError(f"'{text}' does not look like {' or '.join(REGISTRIES)}:<name>==<version>")
    return Package(registry, match[1], match[2])


def resolved(text: str, folder: Path | None) -> str:
    """A source in its plain form, a relative ``file:`` of it made absolute.

    Args:
        text: See ``parse_source``.
        folder: What a ``file:`` starts from; None leaves it as it is.

    Raises:
        ValueError: As ``parse_source``.
    """
    source = parse_source(text)
    if isinstance(source, FileSource) and not source.shipped and folder is not None:
        source = FileSource((folder / source.path.expanduser()).absolute())
    return str(source)


def allowed_address(url: str) -> bool:
    """Whether a web address may be fetched: https, or http on this machine alone."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None:
        return False
    if parts.scheme == "https":
        return True
    if host == "localhost":
        return parts.scheme == "http"
    try:
        return parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _web(url: str) -> WebSource:
    if any(character.isspace() for character in url) or not url.isprintable():
        raise ValueError("a web address has no spaces; write them as %20")
    if not allowed_address(url):
        raise ValueError(
            "not a usable web address: https://host/path, no user name or password; "
            "http only for this machine"
        )
    path = PurePosixPath(urlsplit(url).path)
    if not path.name or ".." in path.parts:
        raise ValueError("the address must end in a file's name and have no '..' in it")
    return WebSource(url)


def _in_package(registry: str, text: str) -> PackageSource:
    package, mark, member = text.partition("#")
    if not mark or not member:
        raise ValueError(f"must look like {registry}:<name>==<version>#<path in the package>")
    return PackageSource(parse_package(f"{registry}:{package}"), _plain(member, "a package"))


def _hub(text: str) -> HubSource:
    match = _HUB.fullmatch(text)
    if match is None:
        raise ValueError("must look like hub:<owner>/<name>@<revision>#<path in the repository>")
    member = _plain(match["member"], "a repository")
    return HubSource(match["repository"], match["revision"], member)


def _plain(member: str, where: str) -> str:
    parts = member.split("/")
    if "\\" in member or not member.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"'{member}' is not a plain path inside {where}")
    return member
