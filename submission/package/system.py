"""The system description that a submission names: read, and held to the round's fields."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import RootModel

from loadscope.errors import InputError
from loadscope.strict_yaml import read_yaml
from loadscope.submission.package.names import require_name
from loadscope.submission.rounds import OPEN, Round

_FIX = "write it with 'loadscope system' and fill in what it asks for"
# YAML would make other numbers of names such as 007 and 1e3.
_TEXT = ("division", "submitter", "status", "system_name", "system_type", "system_type_detail")
_NOTES = ("hw_notes", "sw_notes")
_MOST_DIGITS = 9


class _Fields(RootModel[dict[str, Any]]):
    """The system description as it is given."""


@dataclass(frozen=True)
class DescribedSystem:
    """A system description.

    Attributes:
        name: Its folder and file in the tree: the file's name without its ending.
        fields: The round's fields, in its order, all of them text.
    """

    name: str
    fields: dict[str, str]

    @property
    def category(self) -> str:
        """``edge`` or ``datacenter,edge``."""
        return normal_category(self.fields["system_type"])


def normal_category(text: str) -> str:
    """A system type with its parts in the round's order."""
    return ",".join(sorted(part.strip() for part in text.split(",")))


def read_system(path: Path, division: str, submitter: str, rules: Round) -> DescribedSystem:
    """Read a system description, YAML or JSON.

    Args:
        path: The file.
        division: The division, for the field of that name.
        submitter: The submitter, likewise.
        rules: The round.

    Raises:
        InputError: Unreadable, an unknown field, or one that must be filled in and is not; the
            message names the fields.
    """
    given = _read(path)
    network = division == OPEN and any(given.get(key) for key in rules.submission.network_fields)
    known = rules.submission.fields(network)
    unknown = [str(key) for key in given if key not in known]
    if unknown:
        raise InputError(
            f"{path}: {rules.round} has no system field {', '.join(unknown)}",
            f"remove it; the fields are: {', '.join(known)}",
        )
    fields = {key: _text(path, key, given.get(key)) for key in known}
    for key, expected in (("division", division), ("submitter", submitter)):
        fields[key] = fields[key] or expected
        if fields[key].lower() != expected.lower():
            raise InputError(
                f"{path}: {key} is '{fields[key]}', this submission's is '{expected}'",
                f"correct the file, or --{key}",
            )
    empty = [key for key, rule in known.items() if not rule.may_be_empty and not fields[key]]
    if empty:
        raise InputError(
            f"{path}: {len(empty)} required field(s) empty: {', '.join(empty)}",
            f"{_FIX}: {empty[0]}: {known[empty[0]].asks}",
        )
    if network and fields["is_network"].lower() != "true":
        raise InputError(
            f"{path}: is_network is '{fields['is_network']}'",
            'write is_network: "true", or remove the fields of the network',
        )
    for key, rule in known.items():
        digits = fields[key].isascii() and fields[key].isdecimal()
        if rule.whole_number and not (digits and len(fields[key]) <= _MOST_DIGITS):
            raise InputError(
                f"{path}: {key} is '{fields[key]}', not a whole number", f"give: {rule.asks}"
            )
    if fields["status"].lower() not in rules.submission.statuses:
        raise InputError(
            f"{path}: status is '{fields['status']}'",
            f"use one of: {', '.join(rules.submission.statuses)}",
        )
    return DescribedSystem(require_name(path.stem, "the system file's name"), fields)


def _read(path: Path) -> dict[str, Any]:
    if path.suffix.lower() != ".json":
        return read_yaml(path, _Fields).root
    try:
        given = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", _FIX) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text", "save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}", "correct the JSON") from error
    if not isinstance(given, dict):
        raise InputError(f"{path}: not a mapping of fields", _FIX)
    return given


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key '{next(n for n in names if names.count(n) > 1)}' comes twice")
    return given


def _text(path: Path, key: str, value: Any) -> str:
    if value is None:
        return ""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and key not in (*_TEXT, *_NOTES) and math.isfinite(value):
        return str(value)
    if not isinstance(value, str):
        raise InputError(f"{path}: {key} is {value!r}, not text", "write it in quotes")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{path}: {key} is {value!r}, which UTF-8 cannot encode",
            "write the characters themselves, not their codes",
        ) from error
    return value.strip()
