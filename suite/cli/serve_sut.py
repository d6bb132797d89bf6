"""``loadscope serve-sut``."""

from pathlib import Path
from typing import Any

import click

from loadscope.errors import InputError
from loadscope.listening import listening
from loadscope.rundir.spec import make_spec
from loadscope.suite.cli.asked import COMMAND_LINE
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.spec_options import OWN, SpecCommand, given_settings, spec_options
from loadscope.sut.network.protocol import TOKEN

_NAMES = ("model", "framework")
_OWN = tuple(name for name in OWN if name not in ("labels", "input_data", "random_inputs"))
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(
    "serve-sut",
    cls=SpecCommand,
    epilog="\b\nExample:\n"
    "  on the machine that computes:\n"
    "  LOADSCOPE_SUT_TOKEN=a-word loadscope serve-sut --model resnet50 --framework onnxruntime \\\n"
    "      --host 0.0.0.0\n"
    "  on the machine that has LoadGen:\n"
    "  LOADSCOPE_SUT_TOKEN=a-word loadscope run --model resnet50 --framework onnxruntime \\\n"
    "      --sut http://10.0.0.2:8766 --scenario Server --dataset-path imagenet",
)
@spec_options(
    *_NAMES, "models", *_OWN, "device", "batch_size", "workers", "threads", "options",
    single=_NAMES, required=_NAMES,
    defaults={"batch_size": "what the model's file takes", "workers": "as many as fit the cores"},
)  # fmt: skip
@click.option(
    "--queue", type=click.IntRange(0, 100_000), default=64, show_default=True,
    help="Batches that may wait; further ones are sent away (429) and come again.",
)  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True,
              help="Another needs --token or --tls-clients.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=8766, show_default=True,
              help="0: a free one.")  # fmt: skip
@click.option("--token", default="", envvar=TOKEN, help=f"What clients must know. Or {TOKEN}.")
@click.option("--tls-certificate", type=_FILE, help="PEM file of the server's certificate.")
@click.option("--tls-key", type=_FILE, help="PEM file of its key.")
@click.option("--tls-clients", type=_FILE,
              help="PEM file of the authority whose clients alone may come.")  # fmt: skip
def serve_sut_command(
    queue: int,
    host: str,
    port: int,
    token: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_clients: Path | None,
    **options: Any,
) -> None:
    """Load a model and answer a LoadGen on another host: the SUT of loadscope run --sut.

    The model, its threads and options are this side's; samples come by the network, in batches as
    LoadGen's side makes them, and the model's outputs go back.
    """
    try:
        from loadscope.suite.serve.app import SutApp
        from loadscope.suite.serve.server import Protection, serve
    except ImportError as error:
        raise InputError(
            f"what serves a SUT is not installed ({error.name} not found)",
            "pip install 'loadscope[web]'",
        ) from error
    from loadscope.suite.serve.served import load

    protection = Protection(token, tls_certificate, tls_key, tls_clients)
    protection.require_enough(host)
    settings = given_settings(options)
    most = settings.pop("batch_size", None)
    spec = make_spec({**settings, "batch_size": most, "scenario": "Server"}, COMMAND_LINE)
    sock = listening(host, port)
    with progress_bars() as progress:
        served = load(spec, spec.batch_size, progress)
    shown = f"[{host}]" if ":" in host else host
    scheme = "https" if tls_key else "http"
    told = served.told
    click.echo(
        f"{told.name}: {scheme}://{shown}:{sock.getsockname()[1]}  {told.workers} workers of "
        f"{told.threads} threads  (Ctrl-C ends it)"
    )
    serve(SutApp(served, token, queue), sock, protection)
