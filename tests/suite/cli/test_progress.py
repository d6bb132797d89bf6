import io

import pytest
from rich.console import Console

from loadscope.names import Mode
from loadscope.rundir.progress import LatencySoFar, LiveProgress, NoiseSoFar, Phase, utc_now
from loadscope.suite.cli.progress import PlainLines, _OnTerminal, live_line, progress_bars
from loadscope.suite.fetch.reporting import report_bytes


def at(phase, elapsed, **more):
    return LiveProgress(
        test=Mode.PERFORMANCE, phase=phase, updated=utc_now(), elapsed_s=elapsed, **more
    )


RUNNING = at(
    Phase.RUNNING,
    42,
    left_s=558,
    queries_issued=12346,
    queries_answered=12345,
    samples_per_second=294.3,
    latency=LatencySoFar(p50_ms=3.1, p90_ms=4, p99_ms=8.25),
    noise=NoiseSoFar(others_percent=2.6, steal_percent=1.2),
)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def plain():
    """Lines without a terminal, the clock that they go by, and what was said since last asked."""
    clock, out = Clock(), io.StringIO()
    lines = PlainLines(Console(file=out), clock)

    def said():
        text = out.getvalue()
        out.seek(0)
        out.truncate()
        return text.splitlines()

    return lines, clock, said


def test_the_live_line_has_everything():
    assert live_line("tiny null Server performance", RUNNING) == (
        "tiny null Server performance: running 0:42, 9:18 left, 12,345 queries, 294.3 samples/s, "
        "p99 8.25 ms, other processes 3 % of the CPU, hypervisor 1 %"
    )
    assert live_line("tiny", at(Phase.LOADING, 3661)) == "tiny: loading 1:01:01"


def test_without_a_terminal_a_test_says_something_every_30_seconds(plain):
    lines, clock, said = plain
    for second in range(601):
        clock.now = second
        lines.live("tiny", at(Phase.LOADING if second < 10 else Phase.RUNNING, second))
    assert [line.split()[2] for line in said()] == [
        "0:00", *(f"{second // 60}:{second % 60:02}" for second in range(10, 601, 30)),
    ]  # fmt: skip


def test_each_repeat_of_a_test_is_begun_with_a_line(plain):
    lines, _, said = plain
    for _ in range(2):
        lines.live("tiny", at(Phase.LOADING, 0))
        lines.live("tiny", at(Phase.RUNNING, 1))
        lines.live("tiny", at(Phase.ENDED, 2))
        assert said() == ["tiny: loading 0:00", "tiny: running 0:01"]


def test_a_stage_says_how_far_it_is_every_30_seconds(plain):
    lines, clock, said = plain
    for second in range(62):
        clock.now = second
        lines("preprocessing", 10 * second, 5000)
    assert said() == [
        "preprocessing: 0 of 5,000",
        "preprocessing: 300 of 5,000",
        "preprocessing: 600 of 5,000",
    ]


def test_a_stage_of_bytes_begins_with_a_figure_or_without_a_unit(plain):
    lines, clock, said = plain
    report_bytes(lines, "check my.onnx", 0, 12_400_000)
    report_bytes(lines, "fetch weights.bin", 0, None)
    clock.now = 31
    report_bytes(lines, "fetch weights.bin", 5_000_000, None)
    assert said() == [
        "check my.onnx (MB): 0 of 13", "fetch weights.bin", "fetch weights.bin (MB): 5",
    ]  # fmt: skip


def test_a_terminal_shows_one_line_and_takes_it_away(monkeypatch):
    console = Console(file=io.StringIO(), force_terminal=True, width=60, color_system=None)
    monkeypatch.setattr("loadscope.suite.cli.progress.Console", lambda stderr: console)
    with progress_bars() as progress:
        progress("reading", 1, 3)
        progress.live("tiny", RUNNING)
        assert isinstance(progress, _OnTerminal)
        shown = list(progress._bars.get_renderables())
        progress.live("tiny", at(Phase.ENDED, 60))
        left = list(progress._bars.get_renderables())
    assert (len(shown), len(left)) == (2, 1)
    narrow = Console(file=io.StringIO(), width=60)
    lines = narrow.render_lines(shown[-1], pad=False)
    text = " ".join("".join(part.text for part in line).strip() for line in lines)
    assert text == live_line("tiny", RUNNING)
