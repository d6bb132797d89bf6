"""The errors that LoadScope raises on purpose.

Every message names what is wrong and where; ``fix`` says what to do about it. The command
line turns the two classes into exit statuses in one place (``suite/cli/main.py``).
"""

import difflib
import traceback
from collections.abc import Iterable
from typing import Any


class LoadScopeError(Exception):
    """An expected failure: shown as one or two lines, never as a traceback.

    Args:
        message: What is wrong and where (file, key, value).
        fix: What the user does about it; a second line, or nothing.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.fix}" if self.fix else self.message


class InputError(LoadScopeError):
    """What the user gave cannot be used: exit status 2."""


class UnreachableError(InputError):
    """There is no way to where a file would come from: the user brings it."""


class WorkError(LoadScopeError):
    """The input was fine and the work itself failed: exit status 1."""


class DeviceMemoryError(WorkError):
    """The memory of a device is full; a smaller batch may fit."""

    @classmethod
    def of_batch(cls, device: str, samples: int) -> "DeviceMemoryError":
        """The error of a batch of so many samples; 0 where the model itself does not fit."""
        if not samples:
            return cls(
                f"out of memory on the device {device}: the model does not fit",
                "end what else uses the device, or use one with more memory",
            )
        return cls(
            f"out of memory on the device {device} with a batch of {samples}",
            f"use --batch-size {max(1, samples // 2)} or less, or fewer --workers",
        )


def near(name: str, known: Iterable[str]) -> str:
    """``did you mean 'x'? `` for the known names nearest to a wrong one, or nothing.

    Capitals do not count, and a part of a name is near it.
    """
    folded, by_folded = name.casefold(), {one.casefold(): one for one in known}
    parts = [one for one in by_folded if len(folded) > 2 and folded in one][:3]
    found = parts or difflib.get_close_matches(folded, by_folded, n=1)
    named = " or ".join(f"'{by_folded[one]}'" for one in found)
    return f"did you mean {named}? " if named else ""


def unexpected(reason: str, given: str) -> str:
    """What follows a key whose value does not fit: ``: expected …, got …``.

    Args:
        reason: As pydantic gives it.
        given: The value as it is shown; empty where it is too large to be.
    """
    said = reason.removeprefix("Input should be ")
    if said == reason:
        return f" = {given}: {reason}" if given else f": {reason}"
    # What pydantic tried in vain adds nothing.
    said = said.partition(", unable to ")[0]
    return f": expected {said}, got {given}" if given else f": expected {said}"


def describe(error: BaseException) -> dict[str, Any]:
    """An error in the form in which processes hand it on: message, fix, kind and traceback."""
    return {
        "message": error.message
        if isinstance(error, LoadScopeError)
        else f"{type(error).__name__}: {error}",
        "fix": error.fix if isinstance(error, LoadScopeError) else "",
        "bad_input": isinstance(error, InputError),
        "device_full": isinstance(error, DeviceMemoryError),
        "traceback": traceback.format_exception(error),
    }


def described(said: dict[str, Any], otherwise: str = "") -> LoadScopeError:
    """The error that another process has described.

    Args:
        said: From ``describe``.
        otherwise: The fix where it names none.
    """
    kind = InputError if said["bad_input"] else WorkError
    if said.get("device_full"):
        kind = DeviceMemoryError
    return kind(said["message"], said["fix"] or otherwise)
