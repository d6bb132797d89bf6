"""Finished runs of a campaign held against golden files, by the command."""

import json
import struct
from dataclasses import replace

import pytest

from loadscope.suite.campaign.agreement import Agreement
from loadscope.suite.campaign.grid import read_grid
from loadscope.suite.golden.file import read_golden, write_golden


@pytest.fixture
def golden(loadscope, tiny_dataset, manifest, tmp_path):
    """Make the golden file of the tiny model with these options; returns its path."""

    def make(name="golden.npz"):
        path = tmp_path / name
        loadscope(
            "golden", "--model", "tiny", "--models", manifest(), "--framework", "null",
            "--dataset-path", tiny_dataset, "--count", "4", "--output", path,
        )  # fmt: skip
        return path

    return make


def test_a_run_that_answers_alike_is_said_to_and_collect_says_so_again(
    campaign_file, golden, loadscope, tmp_path
):
    path = golden()
    file = campaign_file(
        modes=("performance", "accuracy"), target={"golden": {"files": [str(path)]}}
    )
    done = loadscope("campaign", "start", file)
    said = "box-tiny-null-SingleStream: as on x86_64: 4 samples, 100% alike"
    assert said in done.stdout
    # The campaign's own copy counts from its start on.
    path.write_bytes(b"another")
    folder = tmp_path / "autumn"
    assert said in loadscope("campaign", "collect", folder).stdout
    assert "as on x86_64" in loadscope("campaign", "status", folder).stdout
    (cell,) = read_grid(folder).cells
    assert cell.agreement == Agreement(passed=True, samples=4, top1_agreement=1.0, host="x86_64")


def test_a_run_that_answers_otherwise_is_a_failure_with_its_cause(campaign_file, golden, loadscope):
    path = golden()
    seen = read_golden(path)
    another = struct.pack("<f", 3.0)
    write_golden(
        path, replace(seen, samples=[replace(one, payload=another) for one in seen.samples])
    )
    file = campaign_file(
        modes=("performance", "accuracy"), target={"golden": {"files": [str(path)]}}
    )
    said = loadscope("campaign", "start", file, "--json", status=1)
    (cell,) = json.loads(said.stdout)["cells"]
    assert cell["status"] == "finished"
    assert not cell["agreement"]["passed"]
    assert "1 runs do not answer as their golden file; box-tiny-null-SingleStream" in said.stderr


def test_a_golden_file_that_fits_nothing_is_refused_before_anything_runs(
    campaign_file, golden, loadscope, tmp_path
):
    path = golden()
    target = {"golden": {"files": [str(path)]}}
    said = loadscope("campaign", "start", campaign_file(target=target), status=2).stderr
    assert "is of tiny, of which the target has no accuracy test" in said
    both = {"golden": {"files": [str(path), str(golden("other.npz"))]}}
    modes = ("performance", "accuracy")
    said = loadscope("campaign", "start", campaign_file(modes=modes, target=both), status=2).stderr
    assert "two files are of tiny" in said
    none = {"golden": {"files": [str(tmp_path / "none.npz")]}}
    said = loadscope("campaign", "start", campaign_file(modes=modes, target=none), status=2).stderr
    assert "none.npz" in said
    kind = {"golden": {"files": [str(path)], "dtype": "float64"}}
    said = loadscope("campaign", "start", campaign_file(modes=modes, target=kind), status=2).stderr
    assert "unknown data type 'float64'" in said
    assert not (tmp_path / "autumn" / "plan.json").exists()
