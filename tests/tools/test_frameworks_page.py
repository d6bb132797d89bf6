from dataclasses import replace
from pathlib import Path

from loadscope.sut.info import BackendInfo
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
