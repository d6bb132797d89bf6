"""Generated bulletins: what is shipped is of its seed."""

import json
import random

from loadscope.datasets.catalog import catalog_entry
from loadscope.tools.generate.bulletins import END, SAMPLES, SHIPPED, bulletin


def test_what_is_shipped_is_of_its_seed_and_says_each_fact() -> None:
    folder = catalog_entry("bulletins-generated").shipped()
    assert folder is not None
    rows = [json.loads(line) for line in (folder / "bulletins.jsonl").read_text().splitlines()]
    draw = random.Random(SHIPPED)
    assert rows == [bulletin(draw)._asdict() for _ in range(SAMPLES)]
    for row in rows:
        assert row["text"].endswith(END)
        for fact in row["reference"].removesuffix(" degrees").replace(":", ",").split(", "):
            assert fact in row["text"]
