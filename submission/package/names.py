"""Names that become folders of a submission."""

import re

from loadscope.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._+-]{0,126}[A-Za-z0-9_+-])?")
_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def is_name(name: str) -> bool:
    """Whether a name can be a folder of the tree on every operating system."""
    return bool(_NAME.fullmatch(name)) and not _WINDOWS.fullmatch(name)


def require_name(name: str, what: str) -> str:
    """Check that a name can be a folder of the tree: no blanks, no leading dot.

    Raises:
        InputError: It cannot.
    """
    if not is_name(name):
        raise InputError(
            f"{what}: {name!a} cannot be a folder of a submission",
            "use letters, digits, and . _ + - after the first; at most 128, no name that "
            "Windows keeps for itself (con, nul)",
        )
    return name
