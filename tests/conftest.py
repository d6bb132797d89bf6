import os
import signal
import time
from pathlib import Path

import pytest
from tests.browser import browser

__all__ = ["browser"]

ROOT = Path(__file__).resolve().parents[1]

# A shell ignores SIGINT in what it starts in the background, and that is inherited; the tests
# that press Ctrl-C must reach their processes all the same.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = Path(os.environ.get("LOADSCOPE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; name its folder in LOADSCOPE_TEST_DATA")
    return folder.resolve()


@pytest.fixture(scope="session")
def wait_for():
    """Wait until a condition holds, while a process is alive if one is given."""

    def wait(condition, process=None, seconds=120):
        deadline = time.monotonic() + seconds
        while not condition():
            assert process is None or process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.05)

    return wait
