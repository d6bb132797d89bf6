"""A description of this machine in the round's fields: detected, and asked for where it is not."""

from loadscope.submission.system.commands import MachineProbe
from loadscope.submission.system.description import Description, describe, detected_in
from loadscope.submission.system.machine import Machine, detect

__all__ = ["Description", "Machine", "MachineProbe", "describe", "detect", "detected_in"]
