"""Measure the machine's peaks and print them as JSON: ``python -m ... THREADS``.

The matrix product is numpy's BLAS, float32; the copy is ``numpy.copyto`` between arrays that no
cache holds, a part a thread. The best of several repeats counts: what disturbs a measurement only
makes it slower.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

SIZES = (512, 1024, 2048)
"""Sides of the matrices: small products dodge interruptions, large ones fill many cores."""
COPY_BYTES = 128 << 20
"""Read once and written once: larger than last-level caches are, small enough for any machine."""
SECONDS = 0.6
REPEATS = 3


def best(work: Callable[[], object]) -> float:
    """Return the shortest time in seconds of at least ``REPEATS`` runs and ``SECONDS``."""
    work()
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(times) < REPEATS or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def product_rate(size: int) -> float:
    """FLOP/s of a product of two matrices of side ``size``."""
    a, b = np.random.default_rng(0).random((2, size, size), dtype=np.float32)
    out = np.empty_like(a)
    return 2 * size**3 / best(lambda: np.matmul(a, b, out=out))


def main(threads: int) -> None:
    """Measure with ``threads`` threads and print."""
    rate = max(product_rate(size) for size in SIZES)
    source = np.ones(COPY_BYTES, dtype=np.uint8)
    target = np.empty_like(source)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        copy = best(lambda: list(pool.map(lambda part: np.copyto(*part), parts)))
    print(
        json.dumps(
            {
                "flops_per_second": rate,
                "bytes_per_second": 2 * COPY_BYTES / copy,
                "how": f"numpy {np.__version__}, {threads} thread{'s'[: threads > 1]}: the best of "
                f"float32 matrix products of side {', '.join(map(str, SIZES))}, and of copies of "
                f"{COPY_BYTES >> 20} MiB, read and write counted",
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
