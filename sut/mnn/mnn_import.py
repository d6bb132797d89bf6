"""The one way in which MNN is imported: it says a line on standard output while it is."""

from loadscope.sut.tracing.onednn import captured

with captured() as _said:
    import MNN

HAS_HALF = any("fp16:1" in line for line in _said)
"""Whether this build has half precision for this processor, as that line tells."""

__all__ = ["HAS_HALF", "MNN"]
