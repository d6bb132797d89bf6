"""What a backend says of the Python that its framework needs."""

from dataclasses import dataclass

Version = tuple[int, int]
"""Major and minor."""


@dataclass(frozen=True)
class Interpreter:
    """The Python of a backend that runs in a process of its own.

    A backend that has one names under ``location`` its program (``guest.program.Program``), which
    is imported there and not here.

    Attributes:
        oldest: The first version of Python that the framework works on.
        newest: The last one.
        requirements: ``package:file`` of the pinned packages of its environment, every one of
            them, as pip reads them; empty for none.
        prepare: ``module:function`` that is called with the folder of a new environment, to make
            what no package has; empty for none.
        layers: ``module:function`` that makes layer records of what the program tells of one call
            (``tracer.Describe``); empty where it tells of none.
    """

    oldest: Version = (3, 6)
    newest: Version = (3, 13)
    requirements: str = ""
    prepare: str = ""
    layers: str = ""

    def takes(self, version: Version) -> bool:
        """Whether a version of Python will do."""
        return self.oldest <= version <= self.newest

    def versions(self) -> str:
        """The versions in words: ``3.7``, ``3.10 to 3.13``."""
        ends = [".".join(map(str, one)) for one in (self.oldest, self.newest)]
        return " to ".join(dict.fromkeys(ends))
