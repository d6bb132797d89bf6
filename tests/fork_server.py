"""Runs a script's ``main`` in forks of this process, which has imported it: ``SCRIPT``.

Takes one object of JSON a line, with ``arguments``, ``cwd``, ``environment`` and the files for
``stdout`` and ``stderr``; answers each with the exit status in a line (negative: the signal).
A fork has its own memory, environment, working directory and end, as a fresh process has.
"""

import gc
import json
import os
import sys
from importlib.util import module_from_spec, spec_from_file_location


def become(asked, script):
    """Take on all that a process which is started so would have."""
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for number, path in enumerate((os.devnull, asked["stdout"], asked["stderr"])):
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = [script, *asked["arguments"]]


def serve(script):
    spec = spec_from_file_location("forked", script)
    assert spec is not None and spec.loader is not None, f"{script} is no Python file"
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    # Collecting what was imported at the end of each fork would copy its pages, for 0.2 s.
    gc.collect()
    gc.freeze()
    while line := sys.stdin.readline():
        process = os.fork()
        if not process:
            become(json.loads(line), script)
            module.main()
            sys.exit()
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        print(json.dumps(status), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
