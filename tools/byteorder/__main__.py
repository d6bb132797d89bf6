"""The command line of the byte-order converters."""

import sys
from pathlib import Path

import click

from loadscope.errors import InputError, LoadScopeError
from loadscope.tools.byteorder.mxnet_params import Order, read_params, write_params
from loadscope.tools.byteorder.npz import read_npz, write_npz

_SOURCE = click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
_OUTPUT = click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="The file to write."
)
_ORDER = click.option(
    "--order", type=click.Choice(["little", "big"]), required=True, help="IBM Z's is big."
)


@click.group(context_settings={"max_content_width": 100})
def byteorder() -> None:
    """Take model files to a host of the other byte order, bit by bit the same numbers.

    \b
    Example:
      python -m loadscope.tools.byteorder mxnet model.params --order big --output z.params
      python -m loadscope.tools.byteorder tensorflow model.pb --output z.pb
    """


@byteorder.command("mxnet")
@_SOURCE
@_ORDER
@_OUTPUT
def mxnet(source: Path, order: Order, output: Path) -> None:
    """Write .params of a byte order from .params of either order, or from .npz.

    Where --output ends in .npz the arrays are written as that, little-endian.

    \b
    Example:
      python -m loadscope.tools.byteorder mxnet model.params --order big --output z.params
      python -m loadscope.tools.byteorder mxnet z.params --order little --output model.npz
    """
    if source.suffix == ".npz":
        arrays, found = read_npz(source), "npz"
    else:
        arrays, found = read_params(source)
    if output.suffix == ".npz":
        write_npz(output, arrays)
    else:
        write_params(output, arrays, order)
    click.echo(f"{output}: {len(arrays)} arrays, from {found} {source}")


@byteorder.command("tensorflow")
@_SOURCE
@_OUTPUT
def tensorflow(source: Path, output: Path) -> None:
    """Swap the constants of a frozen graph, those of its functions included.

    \b
    Example:
      python -m loadscope.tools.byteorder tensorflow model.pb --output z.pb
    """
    from loadscope.tools.byteorder.frozen_graph import swap_graph

    click.echo(f"{output}: {swap_graph(source, output)} tensors swapped")


@byteorder.command("pytorch")
@_SOURCE
@_ORDER
@_OUTPUT
def pytorch(source: Path, order: Order, output: Path) -> None:
    """Write a checkpoint again with its byte order stated in it.

    --order is what the file is read as where it states nothing.

    \b
    Example:
      python -m loadscope.tools.byteorder pytorch old.pth --order little --output new.pth
    """
    from loadscope.tools.byteorder.checkpoint import declare_order

    click.echo(f"{output}: read as {declare_order(source, output, order)}-endian")


if __name__ == "__main__":
    try:
        byteorder()
    except LoadScopeError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
