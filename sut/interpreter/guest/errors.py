"""The errors that a program raises on purpose; the other end raises their like."""

import traceback
from typing import Any, Dict


class InputError(Exception):
    """What the user gave cannot be used.

    Args:
        message: What is wrong and where.
        fix: What the user does about it.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class WorkError(InputError):
    """The input was fine and the work itself failed."""


def describe(error: BaseException) -> Dict[str, Any]:
    """An error as ``loadscope.errors.described`` reads it."""
    ours = isinstance(error, InputError)
    said = "{}: {}".format(type(error).__name__, error)
    return {
        "message": getattr(error, "message", said) if ours else said,
        "fix": getattr(error, "fix", "") if ours else "",
        "bad_input": ours and not isinstance(error, WorkError),
        "device_full": False,
        "traceback": traceback.format_exception(type(error), error, error.__traceback__),
    }
