"""The grid of a campaign, of a real one and of one that is broken."""

from tests.suite.campaign.conftest import campaign_file

from loadscope.rundir.directory import RunDirectory
from loadscope.suite.campaign.agreement import Agreement
from loadscope.suite.campaign.grid import read_grid
from loadscope.suite.results.scan import Tally, source_at, take_in

__all__ = ["campaign_file"]


def test_a_campaign_is_a_grid_of_tests_by_targets(visit, campaign_file, loadscope, tmp_path):
    runs = tmp_path / "runs"
    folder, broken = runs / "autumn", runs / "torn"
    loadscope("campaign", "start", campaign_file(), "--folder", folder)
    broken.mkdir()
    (broken / "campaign.yaml").write_text("name: torn")
    (cell,) = read_grid(folder).cells
    visitor = visit(runs)
    listed = visitor.get("/campaigns").text
    assert 'href="/campaigns/autumn"' in listed and "1 finished" in listed
    assert 'class="status failed"' in listed, "what cannot be read is said"
    uid = RunDirectory(folder / cell.path).read().uid
    with visitor.site.results() as index:
        take_in(index, source_at(folder / cell.path), Tally())
    page = visitor.get("/campaigns/autumn").text
    assert f'<span class="cell-status finished"><a href="/runs/{uid}">finished' in page
    assert cell.test in page and f'<th scope="col">{cell.group}</th>' in page
    assert f"loadscope campaign resume {folder}" in page and "rehearsal" in page
    assert "golden" not in page, "the target has no golden file"
    one = Agreement(passed=False, problem="<b>another answer</b>")
    (folder / "agreement").mkdir()
    (folder / "agreement" / f"{cell.run}.json").write_text(one.model_dump_json())
    page = visitor.get("/campaigns/autumn").text
    assert "Answers as the golden file's: <strong>0</strong> of 1." in page
    assert 'agreement broken">not as the golden file: &lt;b&gt;another answer&lt;/b&gt;' in page
    assert visitor.get("/campaigns/none").status_code == 404
    wrong = visitor.get("/campaigns/torn")
    assert wrong.status_code == 422 and "Traceback" not in wrong.text
