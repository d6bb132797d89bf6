"""``loadscope worker``: a host's side of campaigns over several machines."""

from pathlib import Path

import click

from loadscope.errors import InputError
from loadscope.paths import cache_location
from loadscope.suite.campaign.dask.settings import read_address
from loadscope.suite.campaign.dask.worker import WorkerPlace, run_worker
from loadscope.suite.campaign.host_folder import HostFolder
from loadscope.suite.campaign.keys import host_keys


@click.command("worker")
@click.option("--scheduler", required=True, help="The coordinator's address: tls://10.0.0.1:8786.")
@click.option(
    "--keys",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder keys/HOST of the campaign; its certificate says which host this is.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Takes jobs and what is sent for them; on a disk of this host. Default: in the cache.",
)
@click.option("--listen", help="Where the coordinator reaches this worker: tls://HOST:PORT.")
@click.option("--contact", help="The address to tell the coordinator instead, as behind ssh -R.")
def worker_command(
    scheduler: str, keys: Path, folder: Path | None, listen: str | None, contact: str | None
) -> None:
    """Answer for this host in campaigns: start tests, tell how they stand, hand results over.

    One worker a host. It dials in to the coordinator, and again when that has gone. A test is a
    process of its own that goes on without it.

    \b
    Example:
      loadscope worker --scheduler tls://10.0.0.1:8786 --keys keys --folder /var/loadscope
    """
    files = host_keys(keys).require()
    coordinator = read_address(scheduler, "--scheduler")
    listens = read_address(listen, "--listen") if listen else (None, 0)
    told = read_address(contact, "--contact") if contact else None
    root = folder or cache_location() / "worker"
    place = WorkerPlace(
        scheduler="tls://{}:{}".format(*coordinator),
        host=HostFolder(files.name, root),
        keys=files,
        listen=listens,
        contact="tls://{}:{}".format(*told) if told else None,
    )
    try:
        run_worker(place, lambda line: click.echo(line, err=True))
    except OSError as error:
        raise InputError(f"{root}: {error.strerror or error}", "choose another --folder") from error
