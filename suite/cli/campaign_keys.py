"""``loadscope campaign keys``."""

from pathlib import Path

import click

from loadscope.suite.campaign.campaign_file import read_campaign_file
from loadscope.suite.campaign.keys import FOLDER, make_keys


@click.command(
    "keys",
    epilog="\b\nExample:\n  loadscope campaign keys autumn.yaml --folder autumn\n"
    "  scp -rp autumn/keys/n1 n1:keys",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="The campaign's folder. Default: the file's name without .yaml, here.",
)
def command(file: Path, folder: Path | None) -> None:
    """Make one authority for the campaign, and a certificate for each of its hosts.

    keys/HOST is for that host alone: copy it there. A worker proves by it which host it is, and
    the coordinator that it is the coordinator. Given again, keys of new hosts are added.
    """
    folder = folder or Path(file.stem)
    new = make_keys(folder, read_campaign_file(file).hosts)
    for host in new:
        click.echo(f"{host}: copy {folder / FOLDER / host} there, for loadscope worker --keys")
    if not new:
        click.echo(f"every host has its keys in {folder / FOLDER}")
