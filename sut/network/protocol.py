"""What client and server agree on: paths, headers, and the variables with what is secret.

========  ==============================  =========================================================
GET       ``/loadscope/v1``               ``RemoteSut`` as JSON
GET       ``/loadscope/v1/name``          the SUT's name, for LoadGen
GET       ``/loadscope/v1/memory``        ``{"peak_memory_bytes": N}``
POST      ``/loadscope/v1/predict``       tensors to tensors (``wire``)
========  ==============================  =========================================================

An error is JSON as ``errors.describe`` has it, without the traceback: 400 for what is wrong with
the input, 401 without the token, 413 for too large a batch, 429 where too many batches wait, 500
for a failure. Every answer of a SUT has the header ``X-LoadScope-Instance``.
"""

from loadscope.errors import InputError

PROTOCOL = "loadscope/1"
ROOT = "/loadscope/v1"
NAME, MEMORY, PREDICT = f"{ROOT}/name", f"{ROOT}/memory", f"{ROOT}/predict"
INSTANCE_HEADER = "X-LoadScope-Instance"

TOKEN = "LOADSCOPE_SUT_TOKEN"
"""The environment variable with the word that a client must know; in no record."""
AUTHORITY, CERTIFICATE, KEY = (
    "LOADSCOPE_SUT_CA", "LOADSCOPE_SUT_CERTIFICATE", "LOADSCOPE_SUT_KEY",
)  # fmt: skip
"""The variables with a client's files for TLS: whom to trust, and for mutual TLS who it is."""
TIMEOUT = "LOADSCOPE_SUT_TIMEOUT"
"""The variable with the seconds after which an answer counts as lost."""
TIMEOUT_SECONDS = 120.0


def require_token(token: str, where: str) -> str:
    """Check that a header can carry a word: both sides would otherwise never agree on it.

    Args:
        token: The word; empty for none.
        where: What it was given by, for errors.

    Raises:
        InputError: It has characters, or blanks at its ends, that no header keeps.
    """
    if not token.isprintable() or token != token.strip() or max(token, default="") > "\xff":
        raise InputError(
            f"{where}: a token takes printable Latin characters, and no blank at an end",
            "use letters and digits; a line feed at its end is often the file's that it is from",
        )
    return token
