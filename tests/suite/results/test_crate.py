import json

import pytest
from click.testing import CliRunner

from loadscope.suite.cli.results import results_command
from loadscope.suite.results.asking import all_columns, select
from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.query import Query
from loadscope.tools.bench.made_runs import make_run_directory as make

pytest.importorskip("rocrate")


def results(*arguments):
    return CliRunner().invoke(results_command, list(map(str, arguments)))


@pytest.mark.parametrize("name", ["crate", "crate.zip"])
def test_a_crate_comes_back_as_equal_rows(tmp_path, index, add, name):
    make(tmp_path / "runs" / "a" / "same", value=100, accuracy=76.1)
    make(tmp_path / "runs" / "b" / "same", value=8.5, scenario="SingleStream", rehearsal=["short"])
    make(tmp_path / "runs" / "other", value=1, model="bert")
    add(index, tmp_path / "runs")
    done = results("export", "model=resnet50", "--output", tmp_path / name, "--index", index.path)
    assert done.exit_code == 0, done.output + str(done.exception)
    back = tmp_path / "back.db"
    done = results("import", tmp_path / name, "--output", tmp_path / "theirs", "--index", back)
    assert done.exit_code == 0, done.output + str(done.exception)
    columns = ",".join(set(all_columns()) - {"path", "run"})
    query = Query.parse(f"model=resnet50 columns={columns}")
    other = ResultsIndex.open(back)
    assert list(select(other, query)) == list(select(index, query))
    other.close()


def test_a_crate_says_what_ran_on_what_and_how_to_repeat_it(tmp_path, index, add):
    make(tmp_path / "runs" / "a", value=100, rehearsal=["short"])
    add(index, tmp_path / "runs")
    assert results("export", "--output", tmp_path / "c", "--index", index.path).exit_code == 0
    text = (tmp_path / "c" / "ro-crate-metadata.json").read_text()
    graph = {one["@id"]: one for one in json.loads(text)["@graph"]}
    kinds = [one["@type"] for one in graph.values()]
    (action,) = [one for one in graph.values() if one["@type"] == "CreateAction"]
    assert action["description"].startswith("loadscope run")
    assert "SoftwareApplication" in kinds and "Apache-2.0" in text
    assert "not verified by MLCommons" in graph["runs/a/"]["description"]
    assert "short" in graph["runs/a/"]["description"]
    assert str(tmp_path) not in text + (tmp_path / "c" / "results.csv").read_text()
    assert not (tmp_path / "c" / "runs" / "a" / "plan.json").exists()


def test_what_is_no_crate_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "none"):
        done = results("import", wrong, "--output", tmp_path / "x", "--index", tmp_path / "i.db")
        assert done.exception is not None and done.exception.fix
