"""Names that become folders of a submission."""

import re

from loadscope.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def require_name(name: str, what: str) -> str:
    """Check that a name can be a folder of the tree: no blanks, no leading dot.

    Raises:
        InputError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{what}: '{name}' cannot be a folder of a submission",
            "use letters, digits, and . _ + - after the first",
        )
    return name
