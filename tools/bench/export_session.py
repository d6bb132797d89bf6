"""One measurement of the export, in a process of its own: ``suite`` or ``bare``, RUN_DIR."""

import json
import resource
import sys
import time
from pathlib import Path

from loadscope.suite.trace.export.identity import Identity, resource_attributes
from loadscope.suite.trace.export.otlp_json import write_otlp_json
from loadscope.suite.worker.tracing.events import EVENTS_FILE, read_events


def main(what: str, run_dir: Path) -> None:
    """Read all events and write them again; print seconds and the peak of memory."""
    source = run_dir / EVENTS_FILE
    start = time.perf_counter()
    if what == "suite":
        header, events = read_events(source)
        described = resource_attributes(run_dir, header)
        write_otlp_json(run_dir / "otlp.jsonl", described, Identity.of(run_dir), events)
    else:
        with source.open(encoding="utf-8") as lines, (run_dir / "bare.jsonl").open("w") as out:
            out.writelines(json.dumps(json.loads(line)) + "\n" for line in lines)
    seconds = time.perf_counter() - start
    # The kernel counts in KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "megabytes": peak}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
