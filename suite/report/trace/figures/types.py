"""One colour a type of layer, the same in all figures of a trace."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadscope.suite.worker.tracing.layers import Layer, TypeTime

_OWN_COLOURS = 5
_OTHER = "other types"


@dataclass(frozen=True)
class Palette:
    """Colours of the types that take the most time; the rest share the last one.

    Attributes:
        types: By time, the slowest first.
    """

    types: tuple[str, ...]

    @classmethod
    def of(cls, times: Iterable[TypeTime]) -> "Palette":
        """Give colours to the first of ``times``, which are sorted by time."""
        return cls(tuple(one.type for one in times)[:_OWN_COLOURS])

    def colour(self, type_: str) -> int:
        """Position in the page's list of colours."""
        return self.types.index(type_) if type_ in self.types else _OWN_COLOURS

    def groups(self, layers: Sequence[Layer]) -> list[tuple[str, int, list[Layer]]]:
        """Split layers by colour: the legend's text, the colour, and its layers."""
        named = [
            (plain(type_), place, [layer for layer in layers if layer.type == type_])
            for place, type_ in enumerate(self.types)
        ]
        rest = [layer for layer in layers if layer.type not in self.types]
        return [group for group in (*named, (_OTHER, _OWN_COLOURS, rest)) if group[2]]


def plain(text: str, most: int = 60) -> str:
    """Text as a plot shows it, tags and all, its middle left out where it is too long."""
    if len(text) > most:
        half = (most - 1) // 2
        text = f"{text[:half]}\N{HORIZONTAL ELLIPSIS}{text[-half:]}"
    return html.escape(text, quote=False)
