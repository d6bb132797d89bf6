"""What ``submit`` packages, held to the rules of ``check``."""

import json
from collections import Counter

import pytest

import loadscope as ls

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


def test_the_library_packages_the_same_tree(submit, steady, system_file, tmp_path):
    submit(steady, "--rehearsal")
    made = ls.submit(
        ls.load(steady), division="closed", submitter="Acme", system=system_file(),
        output=tmp_path / "again", rehearsal=True,
    )  # fmt: skip
    trees = [
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "tree", made.path)
    ]
    assert trees[0] == trees[1]
    assert made.full_logs.is_dir() and made.traces is None
    checked = ls.check(made.path)
    assert not checked.passed
    assert {one.rule for one in checked.findings} == SHORT | {
        "accuracy.data-set",
        "accuracy.target",
    }
