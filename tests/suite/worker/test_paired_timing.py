import os

import pytest

from loadscope.errors import WorkError
from loadscope.suite.worker.paired_timing import other_process

WORKS = """
from loadscope.suite.worker.paired_timing import answer
def prepare():
    print("what a framework prints")
    return {"one": lambda: 1, "noisy": lambda: print("more") or 2, "bad": lambda: 1 // 0}
answer(prepare)
"""


def test_works_are_done_when_they_are_asked_for(capfd):
    with other_process(["-c", WORKS], os.environ) as works:
        assert list(works) == ["one", "noisy", "bad"]
        assert [works[name]() for name in ("noisy", "one", "noisy")] == [2, 1, 2]
    assert "what a framework prints" in capfd.readouterr().err


def test_a_process_that_ends_is_an_error(capfd):
    with other_process(["-c", WORKS], os.environ) as works:
        with pytest.raises(WorkError, match="ended before its work was done"):
            works["bad"]()
        with pytest.raises(WorkError):
            works["one"]()
    assert "ZeroDivisionError" in capfd.readouterr().err
    with pytest.raises(WorkError), other_process(["-c", "1 // 0"], os.environ):
        pass
