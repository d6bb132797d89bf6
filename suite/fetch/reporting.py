"""Progress of bytes, told in megabytes."""

from loadscope.datasets.task import Progress

_MEGABYTE = 1_000_000


def report_bytes(progress: Progress, what: str, done: int, total: int | None) -> None:
    """Report ``done`` of ``total`` bytes; the stage ends when they are equal.

    Args:
        progress: The receiver.
        what: The stage.
        done: Bytes so far.
        total: Bytes in all, None where not known.
    """
    if total is None:
        progress(f"{what} (MB)", done // _MEGABYTE, 0)
        return
    # Rounded up, so that only the last report reaches it.
    whole = max(1, -(-total // _MEGABYTE))
    progress(f"{what} (MB)", whole if done >= total else done // _MEGABYTE, whole)
