"""Runs the ``loadscope`` command in forks of this process, which has imported it.

Takes one object of JSON a line, with ``arguments``, ``cwd``, ``environment`` and the files for
``stdout`` and ``stderr``; answers each with the exit status in a line (negative: the signal).
A fork has its own memory, environment, working directory and end, as a fresh process has.
"""

import gc
import importlib
import json
import os
import sys

from loadscope.suite.cli.main import COMMANDS, main


def become(asked):
    """Take on all that a process which is started so would have."""
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for number, path in enumerate((os.devnull, asked["stdout"], asked["stderr"])):
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = ["loadscope", *asked["arguments"]]


for name in COMMANDS:
    importlib.import_module(f"loadscope.suite.cli.{name.replace('-', '_')}")
# Collecting what was imported at the end of each fork would copy its pages, for 0.2 s.
gc.collect()
gc.freeze()
while line := sys.stdin.readline():
    process = os.fork()
    if not process:
        become(json.loads(line))
        main()
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    print(json.dumps(status), flush=True)
