"""Pages of the catalogue, of studies and of a submission, on what a server has to show."""

import re
import shutil

import pytest
from tests.suite.web.conftest import write_study

from loadscope.submission.rounds import CURRENT, load_round
from loadscope.suite.run.view import load_run
from loadscope.suite.web.run_figures import draw_pareto


def test_models_are_searched_filtered_and_paged(visit):
    visitor = visit()
    page = visitor.get("/models?search=efficientnet-lite0&framework=onnxruntime").text
    assert 'href="/launch?model=efficientnet-lite0"' in page and "minilm-squad" not in page
    squad = visitor.get("/models?task=question-answering").text
    assert "minilm-squad" in squad and "efficientnet-lite0" not in squad
    first, second = visitor.get("/models").text, visitor.get("/models?page=1").text
    assert "page=1" in first and "page=0" in second and first != second
    for wrong in ("\N{SUPERSCRIPT TWO}", "9" * 20):
        refused = visitor.get("/models", params={"page": wrong})
        assert refused.status_code < 500 and "expected a number" in refused.text
    assert "No model is that" in visitor.get("/models?search=nothing-has-this-name").text
    wrong = visitor.get("/models?state=runs+her")
    assert wrong.status_code == 422 and "did you mean &#39;runs here&#39;?" in wrong.text


def test_a_study_has_its_winner_and_its_script(visit, tmp_path):
    folder = tmp_path / "runs" / "lab" / "tuned"
    write_study(folder)
    visitor = visit()
    assert 'href="/studies/lab/tuned"' in visitor.get("/studies").text
    page = visitor.get("/studies/lab/tuned").text
    assert "20 samples/s" in page and "batch_size: 8 # chosen" in page
    assert page.index("winner") > page.index('<th scope="row">2') > page.index("All 2 trials")
    assert visitor.get("/studies/lab").status_code == 404
    (folder / "searches.json").write_text("[{}]")
    broken = visitor.get("/studies/lab/tuned")
    assert broken.status_code == 422 and "not a finished study" in broken.text


def test_a_system_is_described_once_and_the_plan_follows(visit, here, measured, tmp_path):
    visitor = visit(shutil.copytree(measured, tmp_path / "copied"))
    page = visitor.get("/submission").text
    assert "Fill in the system description" in page and "Not saved yet" in page
    fields = load_round(CURRENT).submission.system_fields
    counts = ("number", "count", "per_node")
    given = {name: "1" if any(one in name for one in counts) else "none" for name in fields}
    given |= {"submitter": "Acme", "division": "open", "system_type": "edge", "status": "available",
              "system_name": "box", "number_of_nodes": "1"}  # fmt: skip
    answer = visitor.post("/submission/system", given)
    assert (answer.status_code, answer.headers["location"]) == (303, "/submission?division=open")
    saved = visitor.get("/submission").text
    assert 'value="Acme"' in saved and "Saved in" in saved
    results = re.search(r'aria-label="Results".*?</table>', saved, re.DOTALL)
    # A run that was measured, not one of the traces beside it.
    assert results and re.search(r"<td>r\d</td>", results[0])
    # Nobody takes a rehearsal for a result.
    assert results[0].count('<tr class="doubtful">') == results[0].count("mark rehearsal") > 0
    assert visitor.get("/submission?division=nonsense").status_code == 422
    assert visitor.post("/submission/system", {"submitter": "a" * 3000}).status_code == 422


@pytest.mark.parametrize("metrics", [("top-1", "top-1"), ("top-1", "f1")])
def test_the_front_has_what_no_other_run_beats_in_both(make_run, metrics):
    def scored(name, metric, value, rate):
        score = {"metric": metric, "value": value, "target": 70.0, "passed": True, "samples": 9}
        log = {"result_samples_per_second": rate}
        modes = ("performance", "accuracy")
        return load_run(make_run(name, scenario="Offline", modes=modes, score=score, log=log))

    runs = [scored("a", metrics[0], 80.0, 10.0), scored("b", metrics[1], 70.0, 30.0),
            scored("c", metrics[0], 69.0, 20.0)]  # fmt: skip
    drawn = draw_pareto(runs)
    if metrics[1] == "f1":
        assert drawn is None
        return
    assert drawn is not None
    line, *points = drawn.figure.data
    assert [list(line.x), list(line.y)] == [[30.0, 10.0], [70.0, 80.0]] or [
        sorted(line.x), sorted(line.y)] == [[10.0, 30.0], [70.0, 80.0]]  # fmt: skip
    assert [one.marker.symbol for one in points] == ["circle", "circle", "circle-open"]
