"""The commands of the page on results, run as they stand over runs that are made."""

import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from loadscope.suite.cli.main import cli
from loadscope.tools.bench.made_runs import make_run_directory

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results.md"


def test_every_command_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSCOPE_INDEX", str(tmp_path / "results.db"))
    for number in range(1, 15):
        make_run_directory(Path("runs") / f"r{number}", value=100 + number / 10,
                           created=f"2026-10-{number:02}T10:00:00+00:00")  # fmt: skip
    blocks = re.findall(r"^```\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines() if line]
    assert len(lines) == 10
    for line in lines:
        words = shlex.split(line, comments=True)
        done = CliRunner().invoke(cli, words[1:], catch_exceptions=False)
        assert done.exit_code == 0, line
        assert done.stdout.strip(), line
