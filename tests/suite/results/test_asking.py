import csv

import pytest
from click.testing import CliRunner

import loadscope as ls
from loadscope.errors import InputError
from loadscope.suite.cli.results import results_command
from loadscope.suite.results.asking import count, left_out, matrix, select
from loadscope.suite.results.history import histories
from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.joins import from_runs
from loadscope.suite.results.one_run import run_facts
from loadscope.suite.results.query import Query
from loadscope.suite.results.scan import Tally, source_at, take_in
from loadscope.suite.results.tables import write_csv, write_parquet
from loadscope.tools.bench.made_runs import make_run_directory as make


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    root = tmp_path_factory.mktemp("asked")
    for number, value in enumerate((100.0, 104.0, 102.0)):
        make(root / "runs" / f"onnx-{number}", value=value,
             created=f"2026-10-0{number + 1}T10:00:00+00:00")  # fmt: skip
    make(root / "runs" / "torch", value=80.0, framework="pytorch", accuracy=76.1)
    make(root / "runs" / "short", value=500.0, rehearsal=["min_duration 5 s instead of 600 s"])
    make(root / "runs" / "bad", value=300.0, valid=False, created="2026-10-09T10:00:00+00:00")
    make(root / "runs" / "noisy", value=50.0, warnings=["the hypervisor took 9.0 % of the CPU"])
    make(root / "runs" / "stream", value=4.5, scenario="SingleStream")
    index = ResultsIndex.open(root / "results.db")
    take_in(index, source_at(root / "runs"), Tally())
    yield index
    index.close()


def names(index, query):
    return [row["run"] for row in select(index, Query.parse(query))]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("framework=pytorch", ["torch"]),
        ("scenario=singlestream", ["stream"]),
        ("latency_p99_ms<5", ["stream"]),
        ("accuracy>=76", ["torch"]),
        ("valid=false", ["bad"]),
        ("noisy=true", ["noisy"]),
        ("full-length=no", ["short"]),
        ("until=2026-10-02T23:00 sort=-value", ["onnx-1", "onnx-0"]),
        ("model=resnet50,bert framework=onnxruntime value>250 sort=value", ["bad", "short"]),
        ("machine=alpha sort=-value limit=1", ["short"]),
        ("machine=aaaa value<60 unit=samples/s", ["noisy"]),
        ("machine=beta", []),
        ("run=torch,short sort=run", ["short", "torch"]),
        ("run~onnx sort=run limit=1 offset=1", ["onnx-1"]),
        ("marks~noisy", ["noisy"]),
        ("marks~rehearsal", ["short"]),
        ("processor~EPYC status!=valid", ["bad"]),
    ],
)
def test_conditions_choose_runs(filled, query, found):
    assert names(filled, query) == found


@pytest.mark.parametrize(
    "query",
    [
        "modle=x",
        "value>fast",
        "valid=perhaps",
        "since=soon",
        "sort=nothing",
        "x",
        "limit=a",
        "offset=-1",
        "limit=٣",
    ],
)
def test_what_is_no_condition_is_said(query):
    with pytest.raises(InputError) as error:
        Query.parse(query)
    assert error.value.fix


def test_a_query_is_the_same_as_text_and_in_a_url():
    query = Query.parse(
        "model=resnet50,bert 'processor~AMD EPYC' latency_p99_ms<5 sort=-value limit=3 offset=6"
    )
    assert Query.parse(query.text) == Query.from_url(query.url) == query
    assert Query.from_url("model=a%25b&status!=valid").terms[0].values == ("a%b",)


@pytest.mark.parametrize("key", ["value", "latency_p99_ms", "accuracy", "unit", "metric", "target",
                                 "accuracy_metric", "peak_memory_bytes", "repeats"])  # fmt: skip
@pytest.mark.parametrize("operator", ["<", ">", "=", "!=", "<=", ">="])
def test_a_table_read_once_finds_what_a_look_beside_each_run_finds(filled, key, operator):
    for value in ("100", "4.6,80", "76.1"):
        query = Query.parse([f"{key}{operator}{value}"])
        found = []
        for beside in (False, True):
            where, values = query.where(beside)
            rows = filled.db.execute(f"SELECT run.path{from_runs(where)} WHERE {where}", values)
            found.append(sorted(row[0] for row in rows))
        assert found[0] == found[1]
        assert count(filled, query) == len(found[0])


@pytest.mark.parametrize("query", [
    "value>4 latency_p99_ms<50", "latency_p99_ms<50 latency_p99_ms>4", "value>1 accuracy>70",
    "latency_p99_ms<50 queries>=7 unit=samples/s,ms", "framework=onnxruntime value>1 value!=104",
    "queries=7", "queries=7 accuracy>70", "queries=7 value>1", "queries=7 isa=x86_64",
    "noisy=false queries>1", "peak_memory_bytes=5", "peak_memory_bytes=5 queries=7",
])  # fmt: skip
def test_conditions_on_tests_are_met_together_as_beside_each_run(filled, query, monkeypatch):
    """Whichever test has the figure; copies and what is hidden are left out of both."""
    torch = "SELECT id FROM run WHERE path LIKE '%torch'"
    monkeypatch.setattr("loadscope.suite.results.planning.MANY", 0)
    filled.db.execute("BEGIN")
    try:
        filled.db.execute(f"UPDATE test SET queries = 7 WHERE run = ({torch}) AND mode='accuracy'")
        filled.db.execute(
            f"UPDATE test SET queries = NULL WHERE run = ({torch}) AND mode = 'performance'"
        )
        filled.db.execute(f"UPDATE test SET peak_memory_bytes = 5 WHERE run = ({torch})")
        filled.db.execute("UPDATE run SET hidden = 1 WHERE path LIKE '%onnx-1'")
        filled.db.execute("UPDATE run SET copy = 1 WHERE path LIKE '%onnx-2'")
        asked = Query.parse(f"{query} sort=run")
        where, values = asked.where(beside=True)
        plain = filled.db.execute(
            f"SELECT run.name{from_runs(where)} WHERE {where} ORDER BY run.name", values
        )
        expected = [row[0] for row in plain]
        assert [row["run"] for row in select(filled, asked)] == expected
        assert count(filled, asked) == len(expected)
        assert expected
    finally:
        filled.db.execute("ROLLBACK")


def test_a_figure_of_the_accuracy_test_stands_where_the_other_has_none(filled):
    def chosen(query):
        where, values = Query.parse(query).where()
        return [row[0] for row in filled.db.execute(
            f"SELECT run.path{from_runs(where)} WHERE {where}", values)]  # fmt: skip

    torch = "SELECT id FROM run WHERE path LIKE '%torch'"
    filled.db.execute("BEGIN")
    try:
        filled.db.execute(
            f"UPDATE test SET queries = 7 WHERE run = ({torch}) AND mode = 'accuracy'"
        )
        filled.db.execute("UPDATE test SET queries = NULL WHERE mode = 'performance'")
        assert [path.rpartition("/")[2] for path in chosen("queries=7")] == ["torch"]
        filled.db.execute("UPDATE test SET queries = 9 WHERE mode = 'performance'")
        assert chosen("queries=7") == [] and len(chosen("queries=9")) == count(filled, Query())
    finally:
        filled.db.execute("ROLLBACK")


@pytest.mark.parametrize("operator", ["=", "!=", "~"])
@pytest.mark.parametrize("value", ["torch", "onnx", "runs", "_", "short,bad"])
def test_the_name_of_a_run_is_the_last_part_of_its_path(filled, operator, value):
    everything = names(filled, "sort=run")
    said = value.split(",")
    held = {
        "=": lambda one: one in said,
        "!=": lambda one: one not in said,
        "~": lambda one: any(part in one for part in said),
    }[operator]
    assert names(filled, f"run{operator}{value} sort=run") == [
        one for one in everything if held(one)
    ]


@pytest.mark.parametrize("query", ["marks~noisy", "marks=unverified", "marks!=unverified",
                                   "marks~rehearsal,noisy", "marks~xyz"])  # fmt: skip
def test_marks_are_met_as_they_are_shown(filled, query):
    operator = next(one for one in ("!=", "=", "~") if query.startswith(f"marks{one}"))
    said = query.removeprefix(f"marks{operator}")
    shown = {row["run"]: row["marks"] for row in select(filled, Query.parse("sort=run"))}
    held = {
        "=": lambda text: text == said,
        "!=": lambda text: text != said,
        "~": lambda text: any(part in text for part in said.split(",")),
    }[operator]
    assert names(filled, f"{query} sort=run") == [run for run in shown if held(shown[run])]


@pytest.mark.parametrize("query", ["marks=noisy", "marks~zzz"])
def test_marks_that_no_run_can_have_choose_none(filled, query):
    asked = Query.parse(query)
    assert not list(select(filled, asked)) and count(filled, asked) == 0
    assert not matrix(filled, asked) and not list(histories(filled, asked))


@pytest.mark.parametrize("query", ["", "sort=-created", "sort=-value", "value>90 sort=value",
                                   "latency_p99_ms<5", "framework=pytorch value>10",
                                   "sort=-latency_p99_ms",
                                   "value>4 latency_p99_ms<50 sort=-value"])  # fmt: skip
def test_many_runs_are_found_as_few_are(filled, query, monkeypatch):
    asked = Query.parse(f"{query} limit=5")
    few = [row["run"] for row in select(filled, asked)]
    series = [one.config for one in histories(filled, Query.parse(query))]
    for module in ("asking", "planning", "history"):
        monkeypatch.setattr(f"loadscope.suite.results.{module}.MANY", 1)
    assert [row["run"] for row in select(filled, asked)] == few
    assert [one.config for one in histories(filled, Query.parse(query))] == series


def test_quotes_in_values_are_values():
    assert Query.parse(["model=x' OR 1=1"]).terms[0].values == ("x' OR 1=1",)


def test_groups_put_nothing_together_that_does_not_belong(filled):
    rows = list(select(filled, Query.parse("group=framework scenario=Offline")))
    told = {(row["framework"], row["full-length"]): (row["n"], row["median"]) for row in rows}
    # Neither the noisy nor the invalid test counts, and the rehearsal stands alone.
    assert told == {
        ("onnxruntime", 1): (3, 102.0), ("onnxruntime", 0): (1, 500.0), ("pytorch", 1): (1, 80.0)
    }  # fmt: skip


def test_the_matrix_has_medians_and_keeps_rehearsals_apart(filled):
    rows = {(row["scenario"], row["marks"]): row for row in matrix(filled, Query())}
    full = rows["Offline", ""]
    assert (full["onnxruntime"], full["onnxruntime n"], full["onnxruntime mad"]) == (102.0, 3, 2.0)
    assert full["pytorch"] == 80.0
    assert rows["Offline", "rehearsal"]["onnxruntime"] == 500.0
    assert rows["SingleStream", ""]["unit"] == "ms"
    assert left_out(filled, Query()) == 1 and left_out(filled, Query.parse("run=torch")) == 0


def test_only_noisy_runs_are_said_to_be_left_out(filled):
    asked = ["matrix", "run=noisy", "--index", str(filled.path)]
    done = CliRunner().invoke(results_command, asked, catch_exceptions=False)
    assert done.stdout == "" and "left out as noisy: 1;" in done.stderr


def test_pages_of_a_list_are_counted(filled):
    everything = Query.parse("sort=run")
    assert count(filled, everything) == len(names(filled, everything.words)) == 8
    pages = [names(filled, f"sort=run limit=3 offset={place}") for place in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [name for page in pages for name in page] == names(filled, "sort=run")


def test_a_run_is_shown_by_its_name_or_identity(filled):
    facts = run_facts(filled, "torch")
    assert facts["tests"]["accuracy"]["accuracy_percent"] == 76.1
    assert facts["accuracy"]["passed"] == 1 and facts["config"]["numerics"] == "float32"
    assert run_facts(filled, facts["uid"][:13])["path"] == facts["path"]
    for wrong in ("nothing", ""):
        with pytest.raises(InputError):
            run_facts(filled, wrong)


def test_rows_go_to_files(filled, tmp_path):
    rows = list(select(filled, Query.parse("columns=run,value,valid,accuracy sort=value")))
    write_csv(tmp_path / "a.csv", tuple(rows[0]), rows)
    with (tmp_path / "a.csv").open() as file:
        told = list(csv.DictReader(file))
    assert [float(row["value"]) for row in told] == [row["value"] for row in rows]
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet(tmp_path / "a.parquet", tuple(rows[0]), iter(rows))
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist() == rows


def test_the_library_gives_a_frame(filled):
    frame = ls.results("model=resnet50 sort=-value", index=filled.path, scenario="Offline")
    assert frame["value"].tolist() == [500, 300, 104, 102, 100, 80, 50]
    assert frame["value"].dtype == frame["latency_p99_ms"].dtype == "float64"
    assert ls.results(index=filled.path, model="none").empty
    with pytest.raises(InputError, match="no index"):
        ls.results(index=filled.path.with_name("other.db"))
