"""The page on adding a framework, followed to the letter: built, installed and run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-framework.md"
FILE = re.compile(
    r"^`(?P<name>[^`\n]+)`:\n\n```(?:python|toml)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
COMMANDS = re.compile(r"^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_smallest_framework_is_built_from_the_page_and_runs(tmp_path, kept_cache):
    text = PAGE.read_text(encoding="utf-8")
    files = list(FILE.finditer(text))
    assert len(files) == 5
    for one in files:
        path = tmp_path / one["name"]
        path.parent.mkdir(exist_ok=True)
        path.write_text(one["text"], encoding="utf-8")
    (commands,) = COMMANDS.finditer(text)
    target = tmp_path / "installed"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        # The page's command as it stands, away from the environment of the tests.
        "PIP_TARGET": str(target),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": str(target),
        "LOADSCOPE_CACHE": str(kept_cache),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", commands["text"]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "Linear" in done.stdout and "pip install linear-backend" in done.stdout
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["framework"] == "linear" and result["metric"]["value"] > 0
    summary = json.loads((tmp_path / "trace" / "trace" / "summary.json").read_text("utf-8"))
    assert summary["predicts"] == 2
