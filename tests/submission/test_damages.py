"""Ways to damage a tree that passes, each with the rule that must find it."""

import json

import pytest
from tests.submission import damages_answers, damages_runs, damages_tree

from loadscope.submission.check import RULES, check_tree
from loadscope.submission.check.log import read_log as real
from loadscope.submission.rounds import load_round
from loadscope.suite.report.submission import SubmissionRow, csv_text, read_submission

DAMAGES = [*damages_tree.DAMAGES, *damages_runs.DAMAGES, *damages_answers.DAMAGES]


@pytest.fixture(scope="module", autouse=True)
def each_log_parsed_once():
    """Most of a check is to parse logs, and most of a damaged tree's logs are sound."""
    known = {}

    def read_log(path):
        content = path.read_bytes() if path.is_file() else None
        if content not in known:
            known[content] = real(path)
        return known[content]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loadscope.submission.check.subjects.read_log", read_log)
        yield


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_a_damage_is_found_by_its_rule(damage, tree):
    damage.do(tree)
    report = check_tree(tree, load_round())
    found = {(finding.rule, finding.severity) for finding in report.findings}
    assert (damage.rule, damage.severity) in found
    assert report.passed == (damage.severity == "warning")
    for finding in report.findings:
        assert finding.fix
        assert finding.message.isprintable()
        assert finding.path.isprintable()
    json.dumps(report.record()).encode()
    csv_text(
        [SubmissionRow(one) for one in read_submission(tree, load_round())], compared=False
    ).encode()


def test_every_rule_has_a_damage_and_an_id_of_its_own():
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert set(ids) == {damage.rule for damage in DAMAGES}
    assert len({damage.name for damage in DAMAGES}) == len(DAMAGES)
