"""What OpenMP allows, for the frameworks that compute with it."""

import os


def within_limit(threads: int) -> int:
    """So many threads, or fewer where the environment allows no more (``OMP_THREAD_LIMIT``)."""
    limit = os.environ.get("OMP_THREAD_LIMIT", "")
    return min(threads, int(limit)) if limit.isdecimal() and int(limit) else threads
