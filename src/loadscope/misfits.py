"""Faults of a file's contents that a schema cannot tell, each with its place."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError


class Misfits:
    """Collects faults in a validator, so that all of them are told at once."""

    def __init__(self) -> None:
        self._found: list[InitErrorDetails] = []

    def __bool__(self) -> bool:
        """Whether a fault was found."""
        return bool(self._found)

    def add(self, place: str, reason: str, value: Any = None) -> None:
        """Note a fault.

        Args:
            place: Dotted keys below what is validated; empty for the whole of it.
            reason: What is wrong, without the key.
            value: What stands there, where it is worth showing.
        """
        # Braces would be taken for places to fill in.
        error = PydanticCustomError("misfit", "{reason}", {"reason": reason})
        location = tuple(place.split(".")) if place else ()
        shown = {} if value is None else value
        self._found.append(InitErrorDetails(type=error, loc=location, input=shown))

    def refuse(self) -> None:
        """End the validation if there is a fault.

        Raises:
            ValidationError: There is; pydantic puts the faults below the place of the validator.
        """
        if self._found:
            raise ValidationError.from_exception_data("manifest", self._found)
