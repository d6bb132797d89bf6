from loadscope.suite.report.submission_page import submission_page


def test_a_page_without_figures_carries_no_script_and_allows_none():
    page = submission_page([], ["tree"])
    assert "<script" not in page and "script-src" not in page
    assert "default-src 'none'" in page and "MLCommons" in page
