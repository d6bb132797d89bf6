import json
from dataclasses import replace
from pathlib import Path

from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.info import BackendInfo
from loadscope.sut.ran import ran
from loadscope.sut.registry import readable
from loadscope.tools.generate import frameworks_page as page_module
from loadscope.tools.generate.frameworks_page import PARITY, frameworks_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "frameworks.md"


def test_the_page_is_the_one_that_make_docs_writes():
    assert PAGE.read_text(encoding="utf-8") == frameworks_page()


def test_a_framework_is_a_row_and_a_section_and_one_of_another_package_is_neither(backends):
    own = BackendInfo(
        "own", "Own", "loadscope.sut.own:Own", "", (), "pip install it", ("onnx",),
        overheads={"layer": (1.0, 1.256)}, trace_levels=("framework", "layer"),
        notes=("It is new.",),
    )  # fmt: skip
    other = replace(own, name="other", title="Other", location="other:Other", notes=())
    backends(own=own, other=other)
    page = frameworks_page()
    row = "| [Own](#own) | `own` | onnx | cpu | float32 | framework, layer (1.00 to 1.26) |  |"
    assert row in page and "- It is new.\n" in page
    assert "Other" not in page


def test_scenarios_are_those_that_the_frameworks_files_have():
    known = {info.title: found for info in readable() if (found := ran(info))}
    assert known
    table = frameworks_page().partition("## Scenarios that ran")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][1:]
    rows = {line.strip("| ").split(" | ")[0]: line for line in lines}
    assert rows.keys() == known.keys()
    for title, line in rows.items():
        assert line.count("VALID") == len(known[title].valid)


def test_a_file_of_scenarios_tells_of_tasks_that_ran():
    for info in readable():
        if found := ran(info):
            assert Catalogue.load().get(found.model).task in info.tasks


def test_parity_shows_each_measured_row_and_brackets_what_missed(backends, monkeypatch, tmp_path):
    rows = json.loads(PARITY.read_text(encoding="utf-8"))["rows"]
    table = frameworks_page().partition("## Parity with")[2].partition("\n## ")[0]
    cells = [cell for line in table.splitlines()[4:] for cell in line.strip("|").split("|")[1:]]
    shown = [cell for cell in cells if "e-" in cell or "0.0" in cell or "refused" in cell]
    assert len(shown) == len(rows) > 0
    made = [
        {"framework": "own", "model": "a", "what": "32 inputs", "suite": 0.002, "met": False},
        {"framework": "own", "model": "b", "what": "refused: no Foo", "suite": None, "met": False},
    ]
    kept = tmp_path / "parity.json"
    kept.write_text(json.dumps({"date": "2026-01-31", "rows": made}), encoding="utf-8")
    monkeypatch.setattr(page_module, "PARITY", kept)
    backends(own=BackendInfo("own", "Own", "loadscope.sut.own:Own", "", (), "", ("onnx",)))
    page = frameworks_page()
    assert "as measured on 2026-01-31" in page and "| Own | (0.002) | refused: no Foo |" in page


def test_layers_show_cost_and_sum_and_bracket_a_sum_outside(backends, monkeypatch, tmp_path):
    kept = tmp_path / "layers.json"
    made = {"own": {"cost": [1.5, None], "sum": [0.95, 0.5]}}
    kept.write_text(json.dumps({"date": "2026-01-31", "frameworks": made}), encoding="utf-8")
    monkeypatch.setattr(page_module, "LAYERS", kept)
    backends(own=BackendInfo("own", "Own", "loadscope.sut.own:Own", "", (), "", ("onnx",)))
    assert "| Own | 1.50 | - | 0.95 | (0.50) |" in frameworks_page()
