"""Which devices an installed PyTorch can use, told without importing it."""

import importlib.util
import re
from pathlib import Path

from loadscope.devices import CPU, kind_of

_PAGE = "the page 'Get started' of pytorch.org names the command for this machine"
_MENDS = {
    "cuda": f"install the CUDA build of torch; {_PAGE}",
    "xpu": f"install the XPU build of torch; {_PAGE}",
    "nnpa": "install IBM's torch_nnpa beside PyTorch (IBM Z, z16 or later); see docs/ibm-z.md",
}


def device_fault(name: str) -> tuple[str, str] | None:
    """Why this installation cannot use a device: what is missing, and the mend.

    ``torch/version.py`` is a file of assignments: ``cuda: Optional[str] = '12.8'``.

    Args:
        name: The device.
    """
    kind = kind_of(name)
    if kind == "nnpa":
        there = importlib.util.find_spec("torch_nnpa") is not None
        return None if there else ("the package torch_nnpa is not installed here", _MENDS[kind])
    spec = importlib.util.find_spec("torch")
    if kind not in _MENDS or spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).with_name("version.py")
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    built = dict(re.findall(r"^(\w+)(?:: [^=]+)? = '?([^'\n]+)'?$", text, re.MULTILINE))
    # ROCm's build has its devices under the name of cuda.
    names = (kind, "hip") if kind == "cuda" else (kind,)
    if not built or any(built.get(name, "None") != "None" for name in names):
        return None
    version = built.get("__version__", "")
    return f"torch {version} is built for {CPU} alone", _MENDS[kind]
