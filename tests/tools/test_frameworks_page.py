from pathlib import Path
from typing import Any

from loadscope.sut.info import BackendInfo
from loadscope.tools.generate.frameworks_page import frameworks_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "frameworks.md"


def test_the_page_is_the_one_that_make_docs_writes():
    assert PAGE.read_text(encoding="utf-8") == frameworks_page()


def test_a_framework_is_a_row_and_a_section_and_one_of_another_package_is_neither(backends):
    said: dict[str, Any] = {
        "package": "",
        "distributions": (),
        "install": "pip install it",
        "formats": ("onnx",),
    }
    said |= {"overheads": {"layer": (1.0, 1.256)}, "trace_levels": ("framework", "layer")}
    own = BackendInfo("own", "Own", "loadscope.sut.own:Own", **said, notes=("It is new.",))
    backends(own=own, other=BackendInfo("other", "Other", "other:Other", **said))
    page = frameworks_page()
    row = "| [Own](#own) | `own` | onnx | cpu | float32 | framework, layer (1.00 to 1.26) |  |"
    assert row in page and "- It is new.\n" in page
    assert "Other" not in page
