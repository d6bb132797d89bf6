"""Starts the worker: ``python FOLDER PACKAGES DESCRIPTOR``, FOLDER being this one.

PACKAGES is a JSON list of names with their folders. They become packages without their own
``__init__``, which would need what is not here.
"""

import json
import sys
import types


def main() -> None:
    """Make the packages and serve until the other end is gone."""
    # This folder's modules are found by their full names.
    del sys.path[0]
    for name, folders in json.loads(sys.argv[1]):
        package = types.ModuleType(name)
        package.__path__ = folders
        sys.modules[name] = package
    from loadscope.sut.interpreter.guest.worker import Worker

    Worker(int(sys.argv[2])).serve()


if __name__ == "__main__":
    main()
