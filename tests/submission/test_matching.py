"""TEST08's matching, worked by hand."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loadscope.errors import WorkError
from loadscope.submission.compliance.matching import entropy, match

LABELS, WEIGHTS = [1.0, 0.0], [1.0, 3.0]


def whole(query, *predictions):
    rows = [0, query, *predictions, *LABELS, *WEIGHTS, 2]
    return query, np.array(rows, "<f4").tobytes()


def short(query, *predictions):
    return query, np.array([0, query, *predictions], "<f4").tobytes()


def test_entropy_worked_by_hand():
    arrays = [np.array(each, np.float32) for each in ([0.8, 0.1], LABELS, WEIGHTS)]
    # One part of a click, three of none: the mean label is a quarter.
    crossed = -(math.log(0.8) + 3 * math.log(0.9))
    plain = -(math.log(0.25) / 4 + 3 * math.log(0.75) / 4) * 4
    assert entropy(*arrays) == pytest.approx(crossed / plain, rel=1e-5)
    arrays[2] *= 0
    assert entropy(*arrays) == 0


@pytest.mark.parametrize("form", [whole, short])
def test_answers_are_matched_by_query_whatever_their_order(form):
    reference = [whole(0, 0.8, 0.1), whole(1, 0.3, 0.2)]
    found = match(reference, [form(1, 0.3, 0.2), form(0, 0.8, 0.10001)])
    assert found.passed and "num_matched = 2\n" in found.text() and "TEST PASS" in found.text()
    found = match(reference, [form(0, 0.7, 0.1)])
    assert not found.passed and found.different == 1
    assert found.first_different.startswith("time step 0, query 0: ")
    assert match(reference, [form(0, 0.7, 0.1)], tolerance=0.5).passed


def test_a_query_that_was_not_answered_before_fails():
    found = match([whole(0, 0.8, 0.1)], [whole(0, 0.8, 0.1), whole(5, 0.8, 0.1)])
    assert (found.matched, found.unmatched, found.passed) == (1, 1, False)
    assert not match([whole(0, 0.8, 0.1)], []).passed


@pytest.mark.parametrize(
    ("reference", "test"),
    [
        ([(0, b"123")], []),
        ([short(0, 0.8, 0.1)], []),
        ([whole(0, 0.8, 0.1)], [short(0, 0.8)]),
    ],
)
def test_an_answer_of_another_form_is_refused(reference, test):
    with pytest.raises(WorkError, match="sample 0 is answered with"):
        match(reference, test)


def test_two_logs_are_held_against_each_other(tmp_path):
    def log(name, *answers):
        lines = ",\n".join(
            f'{{ "seq_id" : 0, "qsl_idx" : {index}, "data" : "{payload.hex()}" }}'
            for index, payload in answers
        )
        path: Path = tmp_path / name
        path.write_text(f"[\n{lines}\n]\n")
        return str(path)

    accuracy = log("accuracy.json", whole(0, 0.8, 0.1))
    command = [sys.executable, "-P", "-m", "loadscope.submission.compliance.matching", accuracy]
    for answer, status in ((whole(0, 0.8, 0.1), 0), (whole(0, 0.2, 0.1), 1)):
        done = subprocess.run(
            [*command, log("test.json", answer)], capture_output=True, text=True, check=False
        )
        assert done.returncode == status
        assert done.stdout.endswith(f"TEST {'FAIL' if status else 'PASS'}\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "usage" in done.stderr
