import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("loadgen_process.py")


@pytest.fixture
def loadgen(tmp_path):
    """Run one LoadGen test in a fresh process; returns (exit status, what it printed, folder)."""

    def run(scenario, mode="performance", cwd=None, **asked):
        settings = {"min_duration": 300, "min_query_count": 1, **asked.pop("settings", {})}
        asked |= {"folder": str(tmp_path), "scenario": scenario, "mode": mode}
        done = subprocess.run(
            [sys.executable, SCRIPT, json.dumps(asked | {"settings": settings})],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=cwd,
        )
        seen = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
        failed = tmp_path / "failed.txt"
        return done.returncode, seen, failed.read_text() if failed.exists() else done.stderr

    return run
