"""``loadscope web``."""

import webbrowser
from pathlib import Path

import click

from loadscope.errors import InputError
from loadscope.listening import listening
from loadscope.suite.cli.progress import progress_bars
from loadscope.suite.cli.results_index import index_option, say


@click.command(
    "web",
    epilog="\b\nExample:\n  loadscope web --runs runs\n  loadscope web --build site",
)
@click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="The folder of runs that is shown, and into which runs go.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: a free one."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Another needs --token.")
@click.option("--token", default="", envvar="LOADSCOPE_WEB_TOKEN", help="What visitors must know.")
@click.option("--read-only", is_flag=True, help="Nothing can be started or changed.")
@click.option(
    "--build",
    "built",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the pages into this folder, to be read without a server, and end.",
)
@click.option(
    "--perfetto-ui",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="perfetto-ui.zip of a release of Perfetto, to open traces in.",
)
@click.option(
    "--speedscope",
    "speedscope_folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The npm package speedscope, unpacked, to open traces in.",
)
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
@index_option
def web_command(
    runs: Path,
    port: int,
    host: str,
    token: str,
    read_only: bool,
    built: Path | None,
    perfetto_ui: Path | None,
    speedscope_folder: Path | None,
    opens: bool,
    index_file: Path | None,
) -> None:
    """Open the web application on this machine: runs, comparisons, traces, a playground.

    It needs no network, and answers on the loopback alone unless --host says otherwise.
    """
    try:
        from loadscope.suite.web import viewers
        from loadscope.suite.web.copies import build
        from loadscope.suite.web.server import make_site, serve
    except ImportError as error:
        raise InputError(
            f"the web application is not installed ({error.name} not found)",
            "pip install 'loadscope[web]'",
        ) from error
    if built is not None:
        with progress_bars() as progress:
            count = build(make_site(runs, index_file, host, token, True, True), built, progress)
        click.echo(f"{count} pages: {built / 'index.html'}")
        return
    shown_by = {}
    if perfetto_ui is not None:
        shown_by["perfetto-ui"] = viewers.perfetto_ui(perfetto_ui)
    if speedscope_folder is not None:
        shown_by["speedscope"] = viewers.speedscope(speedscope_folder)
    if (netron := viewers.netron()) is not None:
        shown_by["netron"] = netron
    site = make_site(runs, index_file, host, token, read_only, viewers=shown_by)
    sock = listening(host, port)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{sock.getsockname()[1]}/"
    secret = f"?token={token}" if token else ""
    click.echo(f"LoadScope: {address}{secret}  (Ctrl-C ends it)")
    if opens:
        webbrowser.open(f"{address}{secret}")
    serve(site, sock, say)
