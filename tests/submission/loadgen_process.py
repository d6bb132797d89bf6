"""One real LoadGen test that is answered at once: resnet50 over 50,000 samples.

Arguments: a folder, a scenario, a mode. LoadGen reads the folder's ``audit.config`` where there
is one. Every answer is the class ``index % 1000``.
"""

import array
import sys
import time
from pathlib import Path

import mlperf_loadgen as loadgen

SAMPLES = 50_000
BATCH = 2048
CONF = """\
*.*.min_duration = 200
*.SingleStream.target_latency = 0.1
*.SingleStream.min_query_count = 700
*.MultiStream.target_latency = 0.1
*.Offline.target_qps = 1000
"""
SERVER_QPS = 2000


def main():
    folder, scenario, mode = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    conf = folder / "user.conf"
    # At the rate of the performance run, Server would take a while for the whole data set.
    rate = SERVER_QPS if mode == "PerformanceOnly" else SAMPLES
    conf.write_text(f"{CONF}*.Server.target_qps = {rate}\n")
    settings = loadgen.TestSettings()
    assert settings.FromConfig(str(conf), "resnet50", scenario, 1) == 0
    settings.scenario = getattr(loadgen.TestScenario, scenario)
    settings.mode = getattr(loadgen.TestMode, mode)
    # So long per 24,576 samples, or per query, that the requested duration is reached.
    pause = 0.02 if scenario == "Offline" else 0.0002
    if mode == "AccuracyOnly":
        pause = 0

    def issue(queries):
        for start in range(0, len(queries), BATCH):
            some = queries[start : start + BATCH]
            time.sleep(pause)
            answers = array.array("f", [float(query.index % 1000) for query in some])
            address, _ = answers.buffer_info()
            loadgen.QuerySamplesComplete(
                [
                    loadgen.QuerySampleResponse(query.id, address + 4 * place, 4)
                    for place, query in enumerate(some)
                ]
            )

    sut = loadgen.ConstructSUT(issue, lambda: None)
    qsl = loadgen.ConstructQSL(SAMPLES, 1024, lambda indices: None, lambda indices: None)
    logs = loadgen.LogSettings()
    logs.log_output.outdir = str(folder)
    logs.log_output.copy_summary_to_stdout = False
    logs.enable_trace = False
    loadgen.StartTestWithLogSettings(sut, qsl, settings, logs, str(folder / "audit.config"))
    loadgen.DestroyQSL(qsl)
    loadgen.DestroySUT(sut)


main()
