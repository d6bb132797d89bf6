"""Real runs of LoadGen, on the backend that computes nothing."""

import json

from click.testing import CliRunner

import loadscope as ls
from loadscope.suite.cli.compare import compare_command
from loadscope.suite.cli.reproduce import reproduce_command
from loadscope.suite.results.digests import system


def test_runs_are_measured_in_turn_and_reproduced(
    tiny_dataset, manifest, tmp_path, cache, monkeypatch, index, add
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))
    base = ls.run(
        model="tiny", framework="null", scenario="SingleStream", dataset=tiny_dataset,
        min_duration="200ms", models=(manifest(delay_us=300),), output="a",
    )  # fmt: skip
    assert base.view.record.host.identity is not None and base.metric is not None
    assert system(base.view.record).recipe == "system/1"
    done = CliRunner().invoke(
        compare_command, ["a", "a", "--paired", "1", "--output-runs", "turns", "--json"],
        catch_exceptions=False,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert [told["a"], told["b"]] == [["turns/a-1"], ["turns/b-1"]]
    assert told["comparisons"][0]["verdict"] in ("too few", "within noise")
    assert "rehearsal" in " ".join(told["notes"])

    done = CliRunner().invoke(
        reproduce_command,
        ["a", "--run", "--dataset-path", str(tiny_dataset), "--json"],
        catch_exceptions=False,
    )
    told = json.loads(done.stdout)
    assert told["ours"]["unverified"] and told["ours"]["rehearsal"]
    assert told["theirs"]["value"] == base.metric.value
    assert told["ours"]["value"] > 0.3, "a sample takes 300 us"

    assert add(index, tmp_path).added == 4
    # All four are one configuration on one system: repeats of one measurement.
    assert index.db.execute("SELECT count(*) FROM config").fetchone()[0] == 1
    assert index.db.execute("SELECT count(*) FROM system").fetchone()[0] == 1
