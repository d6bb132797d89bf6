from dataclasses import replace
from pathlib import Path

from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.info import BackendInfo
from loadscope.sut.ran import ran
from loadscope.sut.registry import readable
from loadscope.tools.generate.frameworks_page import frameworks_page

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
