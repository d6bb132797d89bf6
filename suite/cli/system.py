"""``loadscope system``: a description of this machine for a submission."""

import importlib.metadata
import json
import platform
from pathlib import Path

import click

from loadscope.devices import devices_here
from loadscope.errors import InputError, near
from loadscope.submission.rounds import CURRENT, load_round
from loadscope.submission.system import MachineProbe, describe, detect, detected_in
from loadscope.suite.cli.complete import frameworks
from loadscope.sut.registry import readable

_STACK = ("mlcommons-loadgen", "numpy", "opencv-python-headless")


@click.command("system")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("system.yaml"),
    show_default=True,
    help="The YAML file to write; what you filled in there is kept.",
)
@click.option(
    "--division",
    type=click.Choice(["closed", "network", "open"]),
    help="Division of the submission; network asks for 13 fields more.",
)
@click.option("--submitter", help="Name of the submitter.")
@click.option(
    "--framework",
    shell_complete=frameworks,
    help="Framework that the runs use, by its name in loadscope run.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="FIELD=TEXT", help="Fill in a field; repeatable."
)
@click.option(
    "--version",
    "version",
    default=CURRENT,
    show_default=True,
    metavar="ROUND",
    help="The round whose fields are asked for.",
)
@click.option("--json", "as_json", is_flag=True, help="Print fields and what is missing as JSON.")
def system_command(
    output: Path,
    division: str | None,
    submitter: str | None,
    framework: str | None,
    settings: tuple[str, ...],
    version: str,
    as_json: bool,
) -> None:
    """Describe this machine in the round's fields, for loadscope submit.

    Writes what the machine tells of itself into a YAML file and leaves the rest empty, each
    field with what it asks for. Run it as root to learn the memory modules too. Nothing is made
    up, and a second run keeps what you wrote.

    \b
    Example:
      loadscope system --division closed --submitter Acme --framework onnxruntime \\
          --set cooling=air --output system.yaml
    """  # fmt: skip
    rules = load_round(version)
    given = _settings(settings)
    for name, value in (("division", division), ("submitter", submitter)):
        if value is not None:
            given[name] = value
    description = describe(
        rules, detect(MachineProbe()), _software(framework, output), given, output
    )
    description.save(output)
    if as_json:
        record = {
            "file": str(output),
            "fields": description.values,
            "detected": sorted(description.detected),
            "missing": description.missing,
        }
        click.echo(json.dumps(record, indent=2))
        return
    width = max(map(len, description.values))
    for name, value in description.values.items():
        if value:
            click.echo(f"{name:{width}}  {value}")
    if description.missing:
        click.echo(f"\nnot known; fill it in, in {output}:")
        for name, asks in description.missing.items():
            click.echo(f"{name:{width}}  {asks}")
    click.echo(f"\nwritten: {output}")


def _settings(settings: tuple[str, ...]) -> dict[str, str]:
    given = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise InputError(
                f"--set: expected FIELD=TEXT, got '{setting}'", "write --set FIELD=TEXT"
            )
        given[name.strip()] = value.strip()
    return given


def _software(framework: str | None, file: Path) -> dict[str, str]:
    """Framework and further software, with versions; the framework is that of ``file`` if None."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _STACK if _has(name)]
    # Two GPUs have one driver.
    versions += dict.fromkeys(
        f"{device.name.partition(':')[0]} driver {device.driver}"
        for device in devices_here()
        if device.driver
    )
    stack = ", ".join((f"Python {platform.python_version()}", *versions))
    installed = {one.name: one for one in readable() if one.version()}
    if framework is not None and framework not in installed:
        known = ", ".join(installed) or "none"
        raise InputError(
            f"{framework} is not installed here", f"{near(framework, installed)}installed: {known}"
        )
    then = detected_in(file).get("framework", "")
    before = [name for name, one in installed.items() if then.startswith(f"{one.title} ")]
    chosen = [framework] if framework else before or list(installed)
    if len(chosen) != 1:
        return {"other_software_stack": stack}
    backend = installed[chosen[0]]
    return {"framework": f"{backend.title} {backend.version()}", "other_software_stack": stack}


def _has(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
