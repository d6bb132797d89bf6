"""Generated bulletins: `python -m loadscope.tools.generate.bulletins FILE`.

A grammar makes short weather bulletins with a line each that says the same in short: the place,
the day, the weather and the degrees, which stand anywhere in the text. No person ever wrote such a
text, and what a model learns of them is this grammar.
"""

import json
import random
import sys
from pathlib import Path
from typing import NamedTuple

from loadscope.files import write_text

SHIPPED, SAMPLES = 2026, 64
"""The seed of the bulletins that are shipped, and how many they are. Of these texts the training of
``bulletin-decoder`` saw one; of all 31,540 that it saw no more are among them."""

END = " In short:"
"""What stands at the end of each text, so that the answer can begin."""

_PLACES = (
    "Alder Bay", "Brook End", "Cobham", "Dunmore", "Eastfold", "Fernley", "Garrick", "Hollow Hill",
    "Inverlea", "Juniper", "Kestrel", "Larkwood", "Millport", "Northey", "Oxley", "Pinegate",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEATHER = ("rain", "snow", "fog", "sun", "hail", "wind", "frost", "storm")
_OPENINGS = (
    "{place} will have {weather} on {day}.", "On {day} we expect {weather} in {place}.",
    "{weather} comes to {place} on {day}.", "For {day} {place} is told of {weather}.",
)  # fmt: skip
_DEGREES = ("It will be {degrees} degrees.", "Noon has {degrees} degrees.")
_ASIDES = ("Roads stay open.", "Take care.", "", "", "")


class Bulletin(NamedTuple):
    """A text, and the line that is to follow it."""

    text: str
    reference: str


def bulletin(draw: random.Random) -> Bulletin:
    """Draw a bulletin."""
    facts = {
        "place": draw.choice(_PLACES), "day": draw.choice(_DAYS),
        "weather": draw.choice(_WEATHER), "degrees": str(draw.randint(10, 39)),
    }  # fmt: skip
    said = [draw.choice(_OPENINGS), draw.choice(_DEGREES), draw.choice(_ASIDES)]
    draw.shuffle(said)
    text = " ".join(sentence.format(**facts) for sentence in said if sentence)
    reference = "{place}, {day}: {weather}, {degrees} degrees".format(**facts)
    return Bulletin(text + END, reference)


def write_bulletins(path: Path) -> None:
    """Write the bulletins that are shipped, a row each with ``text`` and ``reference``."""
    draw = random.Random(SHIPPED)
    rows = [bulletin(draw)._asdict() for _ in range(SAMPLES)]
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    write_bulletins(Path(sys.argv[1]))
