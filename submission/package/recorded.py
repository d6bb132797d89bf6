"""What packaging reads of ``run.json``: held to its form before anything is made of it."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from loadscope.errors import InputError


class _Part(BaseModel):
    """A JSON object whose further keys belong to other readers."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Names(_Part):
    loadgen: str
    submission: list[str]
    division: str


class _Lineage(_Part):
    file: str
    retrained: bool
    steps: list[str]
    loaded: list[str]


class _Model(_Part):
    id: str
    title: str
    sha256: str
    source: str
    weights: str
    licence: str
    numerics: str
    mlperf: _Names
    lineage: _Lineage


class _Data(_Part):
    digest: str
    samples: int


class _Spec(_Part):
    framework: str
    scenario: str
    dataset_path: str
    models: list[str]
    user_conf: str | None = None


class _Input(_Part):
    dtype: str


class _Artifact(_Part):
    inputs: list[_Input]


class _ChildPlan(_Part):
    artifact: _Artifact


class _State(_Part):
    status: str
    error: str | None = None
    verification: dict[str, Any] | None = None


class _Recorded(_Part):
    round: str
    spec: _Spec
    effective: dict[str, Any]
    rehearsal: list[str]
    model: _Model
    data: _Data
    host: dict[str, Any]
    versions: dict[str, str]
    manifest: dict[str, Any] | None
    plan: _ChildPlan
    state: dict[str, _State]


def require_recorded(record: dict[str, Any], path: Path) -> None:
    """Check that a record has all that packaging reads, in text that UTF-8 can hold.

    Args:
        record: The contents of ``run.json``.
        path: The file, for the message.

    Raises:
        InputError: It has not; the message has the first key.
    """
    try:
        _Recorded.model_validate_json(json.dumps(record))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise InputError(
                f"{path}: holds text that UTF-8 cannot encode ({first['msg']})",
                "rename what it names, and repeat the run",
            ) from error
        key = ".".join(map(str, first["loc"]))
        wrong = "is not recorded" if first["type"] == "missing" else first["msg"]
        raise InputError(
            f"{path}: {key}: {wrong[:1].lower()}{wrong[1:]}",
            "repeat the run; another version of loadscope wrote this one",
        ) from error
