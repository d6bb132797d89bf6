"""What packaging reads of ``run.json`` beyond its form: that it is there, as text for UTF-8."""

from pathlib import Path

from loadscope.errors import InputError
from loadscope.rundir.record import RunRecord

_NEEDED = ("sha256", "source", "weights", "licence", "lineage")


def require_recorded(record: RunRecord, path: Path) -> None:
    """Check that a record has all that packaging reads, in text that UTF-8 can hold.

    Args:
        record: The contents of ``run.json``.
        path: The file, for the message.

    Raises:
        InputError: It has not; the message has the first key.
    """
    missing = [f"model.{name}" for name in _NEEDED if getattr(record.model, name) is None]
    missing += ["model.mlperf"] if "mlperf" not in record.model.model_fields_set else []
    if record.model.mlperf is None and not missing:
        raise InputError(
            f"{path}: the model {record.model.id} stands for no benchmark of MLPerf, so there is "
            "nothing to submit it as",
            "leave this run out; or give the model a manifest with mlperf: and run it again",
        )
    missing += ["manifest"] if record.manifest is None and record.spec.models else []
    missing += [] if record.data.digest else ["data.digest"]
    missing += [] if record.spec.dataset_path else ["spec.dataset_path"]
    if missing:
        raise InputError(
            f"{path}: {missing[0]}: is not recorded",
            "repeat the run; another version of loadscope wrote this one",
        )
    try:
        record.model_dump_json().encode("utf-8")
    except (UnicodeEncodeError, ValueError) as error:
        raise InputError(
            f"{path}: holds text that UTF-8 cannot encode ({error})",
            "rename what it names, and repeat the run",
        ) from error
