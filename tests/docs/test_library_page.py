"""The page on the library and its notebook, run as they stand with what the package holds."""

import re
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.xdist_group("library"),
    # The kernel's client starts an event loop where there is none.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client"),
]

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```python(?P<mark>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def home(tmp_path, kept_cache, monkeypatch):
    monkeypatch.setenv("LOADSCOPE_CACHE", str(kept_cache))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_block_of_the_page_runs(home, capsys):
    text = (DOCS / "library.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    blocks = list(BLOCK.finditer(text))
    assert text.count("```python") == len(blocks) == 10
    for block in blocks:
        line = text[: block.start("code")].count("\n")
        code = compile("\n" * line + block["code"], "docs/library.md", "exec")
        if not block["mark"]:
            exec(code, names)
    said = capsys.readouterr().out
    for words in ("agreement", "did you mean 'resnet50'", "samples per second", "squad-sample"):
        assert words in said
    assert (home / "runs" / "pytorch" / "result.json").exists()


def test_the_notebook_runs_and_shows_both_frameworks(home):
    # Half a second in each of the processes that collect the tests.
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(DOCS / "compare-frameworks.ipynb", as_version=4)
    # What is kept in the repository has no output of one machine.
    assert not any(cell.get("outputs") for cell in notebook.cells)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(home)}}).execute()
    shown = [
        "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    runs, table, _, trace, compared, side_by_side, types = shown
    for page in (runs, table, types):
        assert "onnxruntime" in page and "pytorch" in page
    assert "unverified, rehearsal" in runs and "Peak memory" in runs
    assert "Slowest layers" in trace
    assert "Largest differences" in compared and "Conv" in side_by_side
    drawn = next(
        output.data["application/vnd.plotly.v1+json"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "application/vnd.plotly.v1+json" in output.get("data", {})
    )
    assert [line["name"] for line in drawn["data"]] == ["onnxruntime", "pytorch"]
