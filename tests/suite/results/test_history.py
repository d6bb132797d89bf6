import json
import random

import pytest
from click.testing import CliRunner

from loadscope.errors import InputError
from loadscope.suite.cli.results import results_command
from loadscope.suite.results.history import History, Point, examine, histories
from loadscope.suite.results.history_page import series_drawing
from loadscope.suite.results.opened import rebuild
from loadscope.suite.results.query import Query
from loadscope.tools.bench.made_runs import make_run_directory as make


def series(*levels, noise=0.01, seed=1):
    dice = random.Random(seed)
    return [level * (1 + noise * dice.gauss(0, 1)) for level, count in levels for _ in range(count)]


def seen(values, change_points=True, **marks):
    points = tuple(
        Point(str(n), "", "", value, counts=n not in marks.get("noisy", ()),
              baseline=n in marks.get("baseline", ()))
        for n, value in enumerate(values)
    )  # fmt: skip
    return examine(History("s", "c", "y", "samples/s", "higher", points), change_points)


@pytest.mark.parametrize("change_points", [True, False])
def test_a_shift_of_level_is_told_once(change_points):
    found = seen(series((100, 20), (90, 20), noise=0.005), change_points)
    (shift,) = found.shifts
    assert abs(shift.at - 20) <= 1 and shift.percent == pytest.approx(-10, abs=1)
    assert found.median == pytest.approx(90, rel=0.01)
    assert found.outliers == () and not found.few and not found.unconfirmed
    assert ("ruptures" in shift.found_by) is change_points


@pytest.mark.parametrize("seed", range(12))
def test_noise_alone_is_no_shift(seed):
    found = seen(series((100, 60), noise=0.02, seed=seed))
    assert found.shifts == ()


def test_a_lone_point_is_an_outlier_and_the_last_one_waits():
    values = [*series((100, 12)), 70.0, *series((100, 5), seed=2)]
    assert seen(values).outliers == (12,) and seen(values).shifts == ()
    assert seen(values[:13]).unconfirmed


def test_too_few_points_are_called_few():
    found = seen([100.0, 100.0, 50.0, 50.0])
    assert found.few and found.shifts == ()


def test_noisy_points_and_a_baseline_count_as_said():
    values = [*series((100, 10)), 50.0, 50.0, *series((100, 3), seed=3)]
    assert seen(values, noisy=(10, 11)).shifts == ()
    moved = seen(series((100, 10), (101, 10)), baseline=(10,))
    assert moved.shifts == () and moved.median == pytest.approx(101, rel=0.01)


@pytest.fixture
def filled(tmp_path, index, add):
    for number, value in enumerate(series((100, 10), (80, 4))):
        make(tmp_path / "runs" / f"r{number:02}", value=value,
             created=f"2026-10-{number + 1:02}T10:00:00+00:00",
             versions={"numpy": "1.26" if number < 10 else "2.0"})  # fmt: skip
    add(index, tmp_path / "runs")
    return index


def test_builds_are_marks_of_a_series(filled):
    (found,) = histories(filled, Query())
    assert found.points[10].changed == ("build numpy: 1.26 to 2.0",)
    assert [shift.at for shift in found.shifts] == [10]


def results(index, *arguments):
    done = CliRunner().invoke(results_command, [*arguments, "--index", str(index.path)])
    assert done.exit_code == 0, done.output + str(done.exception)
    return done.stdout


def test_marks_lie_beside_the_runs_and_outlive_the_index(tmp_path, filled, content):
    results(filled, "mark", "r13", "--hide", "--comment", "the fan was broken")
    results(filled, "mark", "r03", "--baseline")
    assert (tmp_path / "runs" / "loadscope-marks.jsonl").read_text().count("\n") == 2
    told = json.loads(results(filled, "history", "--json"))["series"][0]
    assert len(told["points"]) == 13 and told["points"][3]["baseline"]
    assert filled.db.execute("SELECT n FROM summary").fetchone()[0] == 13
    held = content(filled)
    rebuild(filled)
    assert content(filled) == held
    assert "fan" in results(filled, "show", "r13")
    results(filled, "add", str(tmp_path))
    assert filled.db.execute("SELECT n FROM summary").fetchone()[0] == 13
    results(filled, "mark", "r13", "--show")
    assert "level changed" in results(filled, "history")
    assert filled.db.execute("SELECT n FROM summary").fetchone()[0] == 14


def test_a_series_is_drawn_with_its_level_changes_and_marks(tmp_path, filled):
    make(tmp_path / "runs" / "noisy", value=70.0, warnings=["the hypervisor took 9 % of the CPU"],
         created="2026-10-20T10:00:00+00:00", versions={"numpy": "2.0"})  # fmt: skip
    results(filled, "add", str(tmp_path / "runs"))
    results(filled, "mark", "noisy", "--comment", "<b>the fan</b>")
    page = tmp_path / "history.html"
    shown = results(filled, "history", "--output", str(page))
    (found,) = histories(filled, Query())
    drawn = {trace.name: trace for trace in series_drawing(found).figure.data}
    assert list(drawn["noisy run, left out"].x) == [14]
    assert drawn["noisy run, left out"].marker.symbol == "circle-open"
    assert list(drawn["run"].x) == list(range(14))
    assert list(drawn["level changed"].x)[:2] == [9.5, 9.5]
    assert list(drawn["other build or environment"].x) == [10]
    assert "build numpy: 1.26 to 2.0" in drawn["other build or environment"].text[0]
    medians = [trace.y[0] for trace in series_drawing(found).figure.data if trace.name == "median"]
    assert medians == pytest.approx([100, 80], rel=0.02)
    text = page.read_text()
    assert "<b>the fan" not in text and "http" not in text.split("<main>")[1].split("<script")[0]
    # Ten high runs and four low ones, the noisy one left out.
    line = next(word for word in shown.split() if "\N{FULL BLOCK}" in word)
    assert len(line) == 14 and line[10:] == 4 * "\N{LOWER ONE EIGHTH BLOCK}"


def test_no_series_is_no_page(tmp_path, filled):
    asked = ["history", "model=none", "--output", str(tmp_path / "h.html"), "--index"]
    done = CliRunner().invoke(results_command, [*asked, str(filled.path)])
    assert isinstance(done.exception, InputError) and not (tmp_path / "h.html").exists()


def test_a_run_is_not_marked_with_two_things_at_once(tmp_path, filled):
    asked = ["mark", "r03", "--hide", "--baseline", "--index", str(filled.path)]
    done = CliRunner().invoke(results_command, asked)
    assert done.exit_code == 2 and not (tmp_path / "runs" / "loadscope-marks.jsonl").exists()
