"""One LoadGen test with a backend that notes how it is called; prints what it saw as JSON."""

import json
import os
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np

from loadscope.names import Mode, Scenario
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.rundir.detail_log import read_detail_log
from loadscope.rundir.user_conf import UserConf
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.inference_pipeline import InferencePipeline
from loadscope.scenarios.live_counters import LiveCounters
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.session import driver_for, run_test
from loadscope.sut.effective import Effective

SAMPLES = 50


class Library:
    """Sample i is the number i + 0.5; only loaded samples may be asked for."""

    def __init__(self, fault):
        self.fault = fault
        self.loaded = set()
        self.most_loaded = 0
        self.batched_on_main_thread = set()

    def __len__(self):
        return SAMPLES

    def load(self, indices):
        if self.fault == "load":
            raise OSError("the disk is gone")
        self.loaded.update(indices)
        self.most_loaded = max(self.most_loaded, len(self.loaded))

    def unload(self, indices):
        self.loaded.difference_update(indices)

    def batch(self, indices):
        assert set(indices) <= self.loaded
        self.batched_on_main_thread.add(threading.current_thread() is threading.main_thread())
        return {"x": np.array([[index + 0.5] for index in indices], np.float32)}


class Sized(Library):
    """Sample i is the larger the larger i is."""

    def order(self, indices):
        return sorted(range(len(indices)), key=lambda at: -indices[at])


class Backend:
    """Doubles its input and notes threads, batch sizes and arrival times."""

    def __init__(self, fault, delay):
        self.fault, self.delay = fault, delay
        self.sizes, self.spreads, self.threads, self.calls = [], [], set(), 0
        self.most_threads = 0

    def load(self, artifact, threads):
        pass

    def close(self):
        pass

    def effective(self):
        return Effective({})

    def predict(self, batch):
        self.calls += 1
        self.sizes.append(len(batch["x"]))
        self.spreads.append(float(np.ptp(batch["x"])))
        self.threads.add(threading.current_thread() is threading.main_thread())
        self.most_threads = max(self.most_threads, threading.active_count())
        if self.fault == "predict" and self.calls >= 3:
            raise RuntimeError("device lost")
        time.sleep(self.delay)
        return {"y": batch["x"] * 2}


def postprocess(fault):
    def plain(outputs, indices):
        return np.ascontiguousarray(outputs["y"], "<f4")

    faults = {
        "drop": lambda outputs, indices: plain(outputs, indices)[:-1],
        "big-endian": lambda outputs, indices: outputs["y"].astype(">f4"),
        "strided": lambda outputs, indices: np.repeat(outputs["y"], 4, 1)[:, ::2],
        # Payloads of different lengths: sample i has i % 3 + 1 numbers.
        "ragged": lambda outputs, indices: [
            np.full(index % 3 + 1, value, "<f4")
            for index, value in zip(indices, outputs["y"][:, 0], strict=True)
        ],
    }
    return faults.get(fault, plain)


def main():
    asked = json.loads(sys.argv[1])
    folder, fault = Path(asked["folder"]), asked.get("fault")
    scenario, mode = Scenario(asked["scenario"]), Mode(asked["mode"])
    if cores := asked.get("cores"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])

    failing = threading.Lock()

    def fail(error):
        # Workers may fail at once; the first one's evidence must not be cut off by the next.
        failing.acquire()
        (folder / "failed.txt").write_text("".join(traceback.format_exception(error)))
        os._exit(1)

    conf = folder / "user.conf"
    conf.write_text(UserConf().having("resnet50", scenario, asked["settings"]).text())
    library = (Sized if asked.get("sized") else Library)(fault)
    backend = Backend(fault, asked.get("delay", 0))
    execution = replace(
        Execution.decide(scenario, 2, **asked.get("execution", {})),
        late_after_ms=asked.get("late_after_ms", 0),
    )
    recorder = Recorder(LiveCounters(folder / "progress.bin"))
    driver = driver_for(
        scenario, InferencePipeline(backend, library, postprocess(fault)), execution, recorder, fail
    )

    def run():
        run_test(
            model="resnet50",
            scenario=scenario,
            mode=mode,
            user_conf=conf,
            driver=driver,
            library=library,
            folder=folder,
            fail=fail,
        )

    run()
    recorder.save(folder)
    second = ""
    if asked.get("twice"):
        try:
            run()
        except Exception as error:
            second = str(error)
    log = read_detail_log(folder / "mlperf_log_detail.txt")
    answers = []
    if mode is Mode.ACCURACY:
        answers = [
            (answer.index, np.frombuffer(answer.payload, "<f4").tolist())
            for answer in read_accuracy_log(folder / "mlperf_log_accuracy.json")
        ]
    print(
        json.dumps(
            {
                "sizes": backend.sizes,
                "spreads": backend.spreads,
                "latencies_ms": [latency / 1e6 for latency in recorder.latencies],
                "on_main_thread": sorted(backend.threads),
                "most_threads": backend.most_threads,
                "batched_on_main_thread": sorted(library.batched_on_main_thread),
                "answers": answers,
                "log": log.values,
                "loaded_at_end": sorted(library.loaded),
                "most_loaded": library.most_loaded,
                "second": second,
            }
        )
    )


if __name__ == "__main__":
    main()
