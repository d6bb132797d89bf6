"""What ``submit`` packages, held to the rules of ``check``."""

import json
from collections import Counter

import pytest

SHORT = {"test.min-duration", "test.real-duration", "test.sample-count"}


@pytest.fixture
def found(loadscope, tmp_path):
    """How often each rule finds something in the tree."""

    def check():
        done = loadscope("check", tmp_path / "tree", "--json", status=1)
        return Counter(finding["rule"] for finding in json.loads(done.stdout)["findings"])

    return check


def test_of_an_open_rehearsal_only_lengths_and_counts_are_wrong(
    submit, single_stream, offline, found
):
    submit(single_stream, "--runs", offline, "--rehearsal", division="open")
    # Two results with a performance and an accuracy test each.
    assert found() == dict.fromkeys(SHORT | {"accuracy.data-set"}, 2)


def test_of_a_closed_rehearsal_only_lengths_counts_and_accuracy_are_wrong(submit, steady, found):
    submit(steady, "--rehearsal")
    # Three results, one measured and two inferred, with two compliance tests each.
    expected = dict.fromkeys(SHORT, 9) | {"accuracy.data-set": 3, "accuracy.target": 3}
    assert found() == expected
