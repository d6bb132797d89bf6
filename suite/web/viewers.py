"""Viewers of others: Perfetto's page in its zip, speedscope's in its folder, netron's package.

The first two show a trace, the last a model. They come from where the user says, or are installed,
and are served from this address alone. What they may do is wider than what our pages may (scripts
compiled in the page, styles in elements), but they reach nothing but this server.
"""

import importlib.util
import mimetypes
import posixpath
import zipfile
from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import InputError

_INDEX = "index.html"
_MOST_BYTES = 64 << 20
"""Of a file inside the zip: Perfetto's largest, its WebAssembly, has a fifth."""
_RELEASE = Path("dist") / "release"
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' blob: 'unsafe-inline' 'unsafe-eval' "
    "'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Viewer:
    """A viewer: a folder or a zip with an ``index.html``.

    Attributes:
        path: Of it.
        top: The folder inside, in which the page lies; ``.`` for the top.
    """

    path: Path
    top: str = "."

    def read(self, name: str) -> tuple[bytes, str] | None:
        """A file and its media type; None where there is none of that name.

        Args:
            name: Below the page's folder, as an address has it.
        """
        below = posixpath.normpath(name)
        if below.startswith(("..", "/")):
            return None
        wanted = posixpath.normpath(posixpath.join(self.top, below))
        content = self._zipped(wanted) if self.path.is_file() else self._plain(wanted)
        kind = mimetypes.guess_type(wanted)[0] or "application/octet-stream"
        return None if content is None else (content, kind)

    def _plain(self, wanted: str) -> bytes | None:
        path = (self.path / wanted).resolve()
        if not path.is_relative_to(self.path.resolve()) or not path.is_file():
            return None
        return path.read_bytes()

    def _zipped(self, wanted: str) -> bytes | None:
        try:
            with zipfile.ZipFile(self.path) as archive:
                member = archive.getinfo(wanted)
                return archive.read(member) if member.file_size <= _MOST_BYTES else None
        except (KeyError, OSError, zipfile.BadZipFile):
            return None


def perfetto_ui(path: Path) -> Viewer:
    """Perfetto's page in its zip.

    Raises:
        InputError: It is no zip, or holds no page.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no zip file: {error}", "give perfetto-ui.zip of a release of "
                         "github.com/google/perfetto") from error  # fmt: skip
    pages = [name for name in names if posixpath.basename(name) == _INDEX]
    if not pages:
        raise InputError(f"{path}: no {_INDEX} in it", "give perfetto-ui.zip of a release of "
                         "github.com/google/perfetto")  # fmt: skip
    first = min(pages, key=lambda name: (name.count("/"), name))
    return Viewer(path, posixpath.dirname(first) or ".")


def speedscope(path: Path) -> Viewer:
    """The npm package speedscope, unpacked, or the folder of its page.

    Raises:
        InputError: There is no page in it.
    """
    for folder in (path, path / _RELEASE, path / "package" / _RELEASE):
        if (folder / _INDEX).is_file():
            return Viewer(folder)
    raise InputError(f"{path}: no {_INDEX} in it", "npm pack speedscope, unpack it, and give the "
                     "folder package")  # fmt: skip


def netron() -> Viewer | None:
    """The page of the package netron; None where it is not installed.

    Its own server would give every file beside the model to whoever asks, and its page would ask
    others who the visitor is. Here it gets the one file, and reaches nothing but this server.
    """
    found = importlib.util.find_spec("netron")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    return Viewer(folder) if (folder / _INDEX).is_file() else None
