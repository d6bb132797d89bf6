import json

import pytest
from click.testing import CliRunner
from tests.suite.results.published import ROWS, summary
from tests.suite.results.published_trees import FACTS, write_tree

from loadscope.errors import InputError
from loadscope.suite.cli.results import results_command
from loadscope.suite.results.near import OfficialQuery, published
from loadscope.suite.results.official import official_records
from loadscope.tools.bench.made_runs import make_run_directory as make


@pytest.fixture
def summaries(tmp_path):
    path = tmp_path / "summary_results.json"
    path.write_text(json.dumps(summary()))
    return path


def test_published_results_are_kept_as_printed(index, add, summaries):
    assert add(index, summaries).official == len(ROWS)
    assert add(index, summaries).official == len(ROWS)
    assert index.db.execute("SELECT count(*) FROM official").fetchone()[0] == len(ROWS)
    (row,) = published(index, OfficialQuery(submitter="amd"))
    assert (row["value"], row["unit"], row["round"]) == (27803.9, "Tokens/s", "v5.1")
    assert row["accelerators"] == 8 and row["benchmark"] == "llama2-70b-99"
    rows = published(index, OfficialQuery(benchmark="resnet", scenario="offline", category="edge"))
    assert [one["value"] for one in rows] == [1415.64, 948.803, 652.51]
    assert not index.db.execute("SELECT 1 FROM run").fetchone()


def test_the_nearest_to_a_run_are_shown_below_it(tmp_path, index, add, summaries):
    add(index, summaries)
    run = make(tmp_path / "mine", value=900.0, rehearsal=["short"], warnings=["others"])
    done = CliRunner().invoke(
        results_command,
        ["official", "--benchmark", "resnet", "--like", str(run), "--json", "--index",
         str(index.path)],
        catch_exceptions=False,
    )  # fmt: skip
    ours, *rows = json.loads(done.stdout)["results"]
    assert ours["division"] == "ours: valid, rehearsal, noisy, unverified"
    assert [one["value"] for one in rows] == [948.803, 652.51, 1415.64]
    assert rows[0]["times_ours"] == pytest.approx(948.803 / 900)
    assert {one["unit"] for one in rows} == {"Samples/s"}


@pytest.mark.parametrize("name", sorted({fact.round for fact in FACTS}))
def test_a_tree_of_each_round_has_the_figures_that_were_printed(tmp_path, index, add, name):
    facts = [fact for fact in FACTS if fact.round == name]
    tally = add(index, write_tree(tmp_path, facts))
    assert (tally.official, tally.problems) == (len(facts), [])
    for fact in facts:
        (row,) = index.db.execute("SELECT * FROM official WHERE location = ?", (fact.location,))
        assert row["value"] == pytest.approx(fact.value, rel=1e-9)
        for column in ("round", "benchmark", "unit", "inferred", "accuracy"):
            assert row[column] == getattr(fact, column), (fact, column)
        assert (row["system"], row["numerics"]) == (f"The {fact.platform}", fact.weights)
        assert (row["processors"], row["accelerator"], row["accelerators"]) == (2, "", None)


def test_a_result_without_a_log_is_said_and_the_rest_goes_on(tmp_path, index, add):
    facts = [fact for fact in FACTS if fact.round == "v6.0"]
    tree = write_tree(tmp_path, facts)
    log = tree / facts[0].location / "performance" / "run_1" / "mlperf_log_detail.txt"
    log.unlink()
    tally = add(index, tree)
    assert tally.official == len(facts)
    (problem,) = tally.problems
    assert "1 of 2" in problem and facts[0].location in problem
    assert len(published(index, OfficialQuery(round="v6.0"))) == len(facts) - 1


def test_a_tree_and_the_summary_of_a_round_name_a_result_alike(tmp_path, index, add):
    fact = next(fact for fact in FACTS if fact.round == "v6.0")
    add(index, write_tree(tmp_path, [fact]))
    printed = {
        **summary()[0], "version": "v6.0", "Performance_Units": fact.unit,
        "Location": f"./{fact.location}/performance/run_1",
    }  # fmt: skip
    path = tmp_path / "summary_results.json"
    path.write_text(json.dumps([printed]))
    add(index, path)
    rows = index.db.execute("SELECT location, unit FROM official").fetchall()
    assert {tuple(row) for row in rows} == {(fact.location, fact.unit)} and len(rows) == 2
    (shown,) = published(index, OfficialQuery(round="v6.0"))
    assert shown["submitter"] == "AMD"


def test_a_whole_round_is_keyed_on_its_locations(tmp_path):
    rows = [
        {**one, "Location": f"{one['Location']}-{copy}"}
        for copy in range(1448 // len(ROWS) + 1)
        for one in summary()
    ][:1448]
    path = tmp_path / "summary_results.json"
    path.write_text(json.dumps(rows))
    assert len(official_records(path)) == 1448


def test_what_is_no_list_of_results_is_said(tmp_path, index, add, summaries):
    for text in ("{", "[]", '[{"Location": 1}]', "{}"):
        summaries.write_text(text)
        with pytest.raises(InputError):
            add(index, summaries)
    with pytest.raises(InputError, match="no published results"):
        published(index, OfficialQuery(benchmark="resnet"))
    summaries.write_text(json.dumps(summary()))
    add(index, summaries)
    with pytest.raises(InputError) as error:
        published(index, OfficialQuery(benchmark="resnett"))
    assert "resnet" in error.value.fix
