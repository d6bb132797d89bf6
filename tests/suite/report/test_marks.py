from collections.abc import Callable
from pathlib import Path

from loadscope.suite.report import RunView, load_run
from loadscope.suite.report.marks import Marks


def _runs(make_run: Callable[..., Path], *reasons: list[str]) -> list[RunView]:
    return [
        load_run(make_run(str(number), run={"rehearsal": why}))
        for number, why in enumerate(reasons)
    ]


def test_a_full_length_run_is_unverified_and_nothing_else(make_run: Callable[..., Path]) -> None:
    (run,) = _runs(make_run, [])
    assert Marks([run]).of(run) == ("unverified",)
    assert Marks([run]).notes() == []


def test_equal_rehearsals_need_no_number(make_run: Callable[..., Path]) -> None:
    runs = _runs(make_run, ["short", "few"], ["short", "few"], [])
    marks = Marks(runs)
    assert [marks.of(run)[1:] for run in runs] == [("rehearsal",), ("rehearsal",), ()]
    assert marks.notes() == [("rehearsal", "short; few")]


def test_what_only_some_rehearsals_have_is_numbered(make_run: Callable[..., Path]) -> None:
    runs = _runs(make_run, ["short", "few"], ["short"], ["slow", "short"], ["short", "few"])
    marks = Marks(runs)
    assert [marks.of(run)[1] for run in runs] == [
        "rehearsal 1",
        "rehearsal",
        "rehearsal 2",
        "rehearsal 1",
    ]
    assert marks.notes() == [
        ("rehearsal", "short"),
        ("rehearsal 1", "also few"),
        ("rehearsal 2", "also slow"),
    ]


def test_rehearsals_with_nothing_in_common_are_explained_apart(
    make_run: Callable[..., Path],
) -> None:
    marks = Marks(_runs(make_run, ["short"], ["few"]))
    assert marks.notes() == [("rehearsal 1", "short"), ("rehearsal 2", "few")]
