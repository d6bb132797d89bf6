from pathlib import Path

from loadscope.tools.generate.rules_page import rules_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rules.md"


def test_the_page_is_the_one_that_make_docs_writes():
    assert PAGE.read_text(encoding="utf-8") == rules_page()
