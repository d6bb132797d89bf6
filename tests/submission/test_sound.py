"""Trees that are as they may be: what once was, or could be, an alarm on them."""

import shutil

import pytest
from tests.submission.damage import (
    ACCURACY_TXT,
    CLOSED,
    MAPPING,
    MULTI,
    OFFLINE,
    OPEN,
    PERFORMANCE,
    SERVER,
    SINGLE,
    SYSTEM,
    both,
    copy,
    fields,
    inferred,
    networked,
    old_layout,
    open_networked,
    remove,
    replace,
    write,
)

from loadscope.submission.check import check_tree
from loadscope.submission.rounds import load_round


def with_line_ends(path, ends):
    return lambda root: (root / path).write_bytes((root / path).read_bytes().replace(b"\n", ends))


SOUND = {
    "a network division": networked(),
    "an open system reached by a network": open_networked(),
    "half a TEST01 in open": both(
        copy(f"{OFFLINE}/TEST01", f"{OPEN}/TEST01"), remove(f"{OPEN}/TEST01/verify_accuracy.txt")
    ),
    "a mapping of no folder": write(MAPPING, '{"my-model": "resnet", "other": "vgg"}'),
    "a large user.conf": write(f"{SINGLE}/user.conf", "# a comment\n" * 500_000),
    "a large description": fields(SYSTEM, sw_notes="x" * 5_000_000),
    "a README.md in Latin-1": write(f"{SINGLE}/README.md", b"gr\xfcn"),
    "a user.conf in Latin-1": write(f"{SINGLE}/user.conf", b"# gr\xfcn\n"),
    ".gitattributes": both(
        write(".gitattributes", "* -text\n"), write(f"{CLOSED}/.gitattributes", "* -text\n")
    ),
    "no notes": replace(SYSTEM, '"hw_notes": "N/A"', '"hw_notes": null'),
    "accuracy.txt with CR LF": with_line_ends(ACCURACY_TXT, b"\r\n"),
    "accuracy.txt with CR": with_line_ends(ACCURACY_TXT, b"\r"),
    "a log with CR LF": with_line_ends(PERFORMANCE, b"\r\n"),
    "MultiStream inferred": inferred(SINGLE, MULTI),
    "Offline inferred": inferred(MULTI, OFFLINE),
}


@pytest.mark.parametrize("change", SOUND.values(), ids=list(SOUND))
def test_a_right_tree_raises_no_alarm(change, tree):
    change(tree)
    assert check_tree(tree, load_round()).findings == ()


def test_a_tree_in_the_layout_up_to_v5_1_is_one_finding_since_and_is_checked_by_its_round(tree):
    (tree / "open").rename(tree.parent / "open")
    shutil.rmtree(tree / SERVER)
    fields(SYSTEM, system_type="edge")(tree)
    old_layout(tree, CLOSED)
    (finding,) = check_tree(tree, load_round()).findings
    assert (finding.rule, finding.path) == ("submitter.layout", CLOSED)
    report = check_tree(tree, load_round("v5.1"))
    assert len(report.results) == 3
    # The logs are of a later LoadGen; all else is as that round has it.
    assert {one.rule for one in report.findings} == {"test.seeds", "log.loadgen-version"}
    (tree / CLOSED / "measurements/box/resnet/Offline/user.conf").unlink()
    remove(f"{CLOSED}/compliance/box/resnet/Offline/TEST04")(tree)
    found = {one.rule for one in check_tree(tree, load_round("v5.1")).findings}
    assert found >= {"result.files", "compliance.files"}


def test_the_layout_since_v6_0_is_one_finding_before(tree):
    shutil.rmtree(tree / "open")
    (finding,) = check_tree(tree, load_round("v5.1")).findings
    assert (finding.rule, finding.path) == ("submitter.layout", CLOSED)
