"""A template and its figures as one HTML file that needs no network."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from loadscope import __version__
from loadscope.suite.report.marks import NOT_VERIFIED
from loadscope.suite.report.sections import PlacedFigure

_PLOTLY = files("loadscope.suite.report") / "plotly" / "plotly-basic.min.js"


def render(template: str, figures: Iterable[PlacedFigure] | None, **context: Any) -> str:
    """Fill in ``template`` with ``context``; style, script and plotly's JavaScript go inside.

    Args:
        template: Its name; it must place each of ``figures`` with the macro of ``parts.html``.
        figures: What is drawn; None for a page without any script.
        context: What the template names.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("loadscope.suite.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = (
        None
        if figures is None
        else {one.anchor: json.loads(one.drawing.figure.to_json()) for one in figures}
    )
    return environment.get_template(template).render(
        **context,
        figures=drawn,
        not_verified=NOT_VERIFIED,
        version=__version__,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        plotly=Markup(_PLOTLY.read_text(encoding="utf-8")),
    )
