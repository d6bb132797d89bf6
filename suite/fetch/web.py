"""Downloads that go on where they stopped."""

import errno
import hashlib
import json
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests

from loadscope.datasets.task import Progress
from loadscope.errors import UnreachableError, WorkError
from loadscope.files import write_json
from loadscope.suite.fetch.digest import CHUNK
from loadscope.suite.fetch.reporting import report_bytes
from loadscope.suite.fetch.store import Transfer
from loadscope.suite.models.source import allowed_address

# Seconds to connect, and seconds without a byte.
_TIMEOUT = (10, 60)
_PAUSES = (0.5, 2.0, 5.0)
# Statuses after which the same request may succeed a little later.
_PASSING = (408, 425, 429, 500, 502, 503, 504)
# What stays free on the disk beside the download.
_MARGIN = 64 << 20


class _Passing(Exception):
    """A failure that another attempt may get over."""


class _NoAnswer(_Passing):
    """There is no way to the server, for now."""


def download(url: str, part: Path, mend: str, progress: Progress) -> Transfer:
    """Get a file over the web, appending to ``part`` where it holds the file's beginning.

    An interrupted transfer goes on by a range request, tied to the file's ETag or date so
    that two versions are never mixed; a server that does not do ranges is asked for all.

    Args:
        url: The address.
        part: The partial file; notes for resuming lie beside it.
        mend: What the user does when the download cannot be done.
        progress: Called with bytes done and in all.

    Raises:
        UnreachableError: There is no way to the server.
        WorkError: The server refuses, breaks off, or there is no room for the file.
    """
    name = Path(urlsplit(url).path).name
    pauses = iter(_PAUSES)
    with requests.Session() as session:
        while True:
            try:
                return _attempt(session, url, part, name, progress)
            except (requests.ConnectionError, requests.Timeout, _Passing) as error:
                failure: Exception = error
            except requests.exceptions.ChunkedEncodingError as error:
                failure = error
            except requests.RequestException as error:
                raise WorkError(f"cannot fetch {url}: {_reason(error)}", mend) from error
            pause = next(pauses, None)
            if pause is None:
                kind = UnreachableError if isinstance(failure, _NoAnswer) else WorkError
                raise kind(f"cannot fetch {url}: {_reason(failure)}", mend) from failure
            waiting = f"fetch {name}: {_reason(failure)}; trying again"
            progress(waiting, 0, 1)
            time.sleep(pause)
            progress(waiting, 1, 1)


def _attempt(
    session: requests.Session, url: str, part: Path, name: str, progress: Progress
) -> Transfer:
    notes = part.with_name(f"{part.name}.json")
    have, validator = _resumable(url, part, notes)
    # Compressed transfer would make byte ranges and lengths mean something else.
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    with _asked(session, url, headers) as answer:
        _refuse_bad(answer)
        if answer.status_code == 416:
            notes.unlink(missing_ok=True)
            raise _Passing("the server has fewer bytes than were already here")
        start = _range_start(answer)
        if start != (have if answer.status_code == 206 else 0):
            notes.unlink(missing_ok=True)
            raise _Passing("the server sent another range than was asked for")
        length = answer.headers.get("Content-Length", "")
        rest = int(length) if length.isdecimal() else None
        total = None if rest is None else start + rest
        _check_space(part.parent, rest or 0, url)
        validator = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        if start == 0:
            write_json(notes, {"url": url, "validator": validator})
        digest = hashlib.sha256()
        done = 0
        with part.open("r+b" if start else "wb") as file:
            while done < start and (chunk := file.read(min(CHUNK, start - done))):
                digest.update(chunk)
                done += len(chunk)
            try:
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    report_bytes(progress, f"fetch {name}", done, total)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise _no_space(part.parent, rest or 0, url) from error
                raise
        if total is not None and done != total:
            raise _Passing(f"the connection ended after {done} of {total} bytes")
    if total is None:
        report_bytes(progress, f"fetch {name}", done, done)
    notes.unlink(missing_ok=True)
    return Transfer(digest.hexdigest(), resumed=start > 0)


def _asked(session: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    try:
        return session.get(url, headers=headers, stream=True, timeout=_TIMEOUT)
    except requests.exceptions.SSLError:
        raise
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _NoAnswer(_reason(error)) from error


def _resumable(url: str, part: Path, notes: Path) -> tuple[int, str]:
    """How many bytes of the file are here, and what ties them to it; (0, '') for none."""
    try:
        noted = json.loads(notes.read_text(encoding="utf-8"))
        validator = noted["validator"]
        # A weak ETag promises the same meaning, not the same bytes.
        if noted["url"] == url and validator and not validator.startswith("W/"):
            return part.stat().st_size, validator
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, ""


def _refuse_bad(answer: requests.Response) -> None:
    for hop in (*answer.history, answer):
        if not allowed_address(hop.url):
            raise requests.exceptions.InvalidURL(f"it leads to {hop.url}, which is not https")
    status = f"HTTP {answer.status_code} {answer.reason}"
    if answer.status_code in _PASSING:
        raise _Passing(status)
    if answer.status_code not in (200, 206, 416):
        raise requests.HTTPError(status)


def _range_start(answer: requests.Response) -> int:
    if answer.status_code != 206:
        return 0
    first = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdecimal() else -1


def _check_space(folder: Path, needed: int, url: str) -> None:
    if shutil.disk_usage(folder).free < needed + _MARGIN:
        raise _no_space(folder, needed, url)


def _no_space(folder: Path, needed: int, url: str) -> WorkError:
    free = shutil.disk_usage(folder).free
    return WorkError(
        f"no space for {url}: {needed / 1e6:,.0f} MB to fetch, {free / 1e6:,.0f} MB free "
        f"at {folder}",
        "free space or move the cache with LOADSCOPE_CACHE",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate was not accepted"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached"
    return str(error)
