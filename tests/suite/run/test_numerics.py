"""What changes the numerics stands in everything that tells of a result."""

import json

import pytest

from loadscope.sut.registry import BACKENDS

if not BACKENDS["pytorch"].installed():
    pytest.skip("PyTorch is not installed", allow_module_level=True)


def test_bfloat16_is_part_of_a_results_name_and_record(
    loadscope, environment, tmp_path, kept_cache
):
    environment["LOADSCOPE_CACHE"] = str(kept_cache)
    done = loadscope(
        "run", "--model", "minilm-squad", "--framework", "pytorch", "--scenario", "Offline",
        "--mode", "accuracy", "--dataset-path", "squad-sample", "--count", "16", "--option",
        "dtype=bfloat16", "--threads", "1", "--target-qps", "20", "--json",
    )  # fmt: skip
    result = json.loads(done.stdout)
    (folder,) = (tmp_path / "runs").iterdir()
    record = json.loads((folder / "run.json").read_text())
    assert "bfloat16" in folder.name
    assert result["numerics"] == record["model"]["numerics"] == "bfloat16"
    assert record["model"]["options"]["dtype"] == "bfloat16"
    # As in float32; an answer more or less is 6.3.
    assert result["accuracy"]["value"] == pytest.approx(81.9, abs=7)
    assert "bfloat16" in loadscope("report", folder).stdout
