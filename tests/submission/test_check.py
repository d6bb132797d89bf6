import shutil

from loadscope.submission.check import check_tree
from loadscope.submission.rounds import load_round


def test_a_sound_tree_passes_without_a_finding(passing_tree):
    report = check_tree(passing_tree, load_round())
    assert report.findings == ()
    assert report.passed
    assert len(report.results) == 8
