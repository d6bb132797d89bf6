"""Fetch one file in a process of its own: ``fetch_process.py URL SHA256 CACHE``."""

import sys
from pathlib import Path

from loadscope.errors import LoadScopeError
from loadscope.suite.fetch.files import fetch_file
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import WebSource

if __name__ == "__main__":
    url, sha256, cache = sys.argv[1:]
    try:
        fetched = fetch_file(WebSource(url), Checksum(sha256), Path(cache), lambda *_: None)
    except LoadScopeError as error:
        sys.exit(str(error))
    print(fetched.path)
