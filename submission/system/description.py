"""The round's fields, filled from a machine, and the YAML file that a person completes.

The file is a flat mapping of field to text. Above each field a comment says what it asks for and
what was detected; a value that differs from that was written by a person, and is kept.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.submission.rounds import NETWORK, Round
from loadscope.submission.system.machine import Machine

_DETECTED = re.compile(r"^# detected: (\".*\")\n(\S+):", re.MULTILINE)
_NONE = "N/A"
_SAME_MACHINE = ("host_processor_model_name", "host_processor_core_count")
_MODULES, _CAPACITY = "host_memory_configuration", "host_memory_capacity"


@dataclass(frozen=True)
class Description:
    """A description in the making.

    Attributes:
        rules: The round whose fields it has.
        values: Text by field, in the round's order; empty where it is not known.
        detected: What was found on this machine, by field.
    """

    rules: Round
    values: dict[str, str]
    detected: dict[str, str]

    @property
    def missing(self) -> dict[str, str]:
        """Fields that must not stay empty and are, with what each asks for."""
        fields = self.rules.submission.fields(network=True)
        return {
            name: fields[name].asks
            for name, value in self.values.items()
            if not value.strip() and not fields[name].may_be_empty
        }

    def text(self) -> str:
        """The YAML file."""
        lines = [
            f"# System description for MLPerf Inference {self.rules.round}.",
            "# Fill in what is empty, in quotes; loadscope system keeps what you write here.",
        ]
        for name, value in self.values.items():
            field = self.rules.submission.fields(network=True)[name]
            lines += ["", f"# {field.asks}{' (may be empty)' if field.may_be_empty else ''}"]
            if name in self.detected:
                lines.append(f"# detected: {json.dumps(self.detected[name])}")
            lines.append(f"{name}: {json.dumps(value)}")
        return "\n".join(lines) + "\n"

    def save(self, path: Path) -> None:
        """Write the YAML file by rename."""
        write_text(path, self.text())


def detected_in(file: Path) -> dict[str, str]:
    """What was detected when a file was written, by field; nothing where there is none.

    Raises:
        InputError: The file cannot be read.
    """
    return {} if not file.exists() else _detected_then(_text(file))


def describe(
    rules: Round, machine: Machine, software: dict[str, str], given: dict[str, str], file: Path
) -> Description:
    """Fill the round's fields.

    Args:
        rules: The round.
        machine: What was found on this machine.
        software: Text of the fields on software.
        given: Text by field that the command line gave.
        file: The YAML file of an earlier time, if there is one: what a person wrote into it is
            kept, unless ``given`` says otherwise, and what was detected then and needed rights
            or software that this time has not, if the machine is the same.

    Raises:
        InputError: The file cannot be read, is no flat mapping, or has an unknown field; or
            ``given`` has one.
    """
    kept = _kept(file, rules)
    division = given.get("division") or kept.get("division", "")
    further = (kept.keys() | given.keys()) & rules.submission.network_fields.keys()
    network = bool(further) or division.lower() == NETWORK
    fields = rules.submission.fields(network)
    for name in (*software, *given):
        if name not in fields:
            raise InputError(f"there is no field '{name}'", f"use one of: {', '.join(fields)}")
    found = {**_detected(machine), **software}
    if division.lower() == NETWORK:
        found["is_network"] = "true"
    found |= _still(detected_in(file), found)
    detected = {name: found[name] for name in fields if found.get(name)}
    return Description(rules, {name: "" for name in fields} | detected | kept | given, detected)


def _kept(file: Path, rules: Round) -> dict[str, str]:
    """What a person wrote: the values of the file that are not those detected at its time.

    Emptied is written too, where something had been detected.
    """
    if not file.exists():
        return {}
    try:
        text = _text(file)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: {reason}", "correct it there") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{file}: is not a mapping of field to text", "give another --output")
    for name, value in content.items():
        if name not in rules.submission.fields(network=True):
            known = ", ".join(rules.submission.system_fields)
            raise InputError(f"{file}: unknown field '{name}'", f"known fields: {known}")
        if not isinstance(value, str):
            raise InputError(f"{file}: {name} is not text: {value!r}", "put it in quotes")
    then = _detected_then(text)
    return {name: value for name, value in content.items() if then.get(name, "") != value}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}", "give another --output") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: {error}", "correct it there") from error


def _detected_then(text: str) -> dict[str, str]:
    return {found[2]: json.loads(found[1]) for found in _DETECTED.finditer(text)}


def _still(then: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """What a machine told once and does not tell now: memory modules, say, only root can read.

    A field that is absent now is not silent: accelerators that cannot be named are there.
    """
    if any(then.get(name) != now[name] for name in _SAME_MACHINE):
        return {}
    silent = {name for name in then if now.get(name) == ""}
    # The modules are what tells the whole capacity.
    if _MODULES in silent:
        silent.add(_CAPACITY)
    return {name: then[name] for name in then if name in silent}


def _detected(machine: Machine) -> dict[str, str]:
    notes = [f"virtual machine ({machine.hypervisor})" if machine.hypervisor else ""]
    if machine.z:
        notes.append(machine.z.notes())
    elif machine.threads.isdigit():
        notes.append("SMT off" if machine.threads == "1" else f"SMT-{machine.threads}")
    return {
        # A run of this suite uses the one machine that it is started on.
        "number_of_nodes": "1",
        "host_networking_topology": _NONE,
        "host_processor_model_name": machine.processor,
        "host_processors_per_node": machine.sockets,
        "host_processor_core_count": machine.cores,
        "host_processor_frequency": machine.frequency,
        "host_processor_caches": machine.caches,
        "host_memory_capacity": machine.memory,
        "host_memory_configuration": machine.modules,
        "host_storage_capacity": machine.storage,
        "host_storage_type": machine.storage_type,
        "host_network_card_count": machine.network_cards,
        "host_networking": machine.network,
        "operating_system": machine.system,
        "hw_notes": "; ".join(filter(None, notes)),
        **_accelerator_fields(machine),
    }


def _accelerator_fields(machine: Machine) -> dict[str, str]:
    """None there is a fact; one that cannot be named, NNPA among them, is asked for."""
    if machine.accelerators is None or (machine.z and machine.z.nnpa):
        return {}
    if not machine.accelerators:
        names = ("model_name", "memory_capacity", "memory_configuration", "host_interconnect")
        fields = {f"accelerator_{name}": _NONE for name in (*names, "interconnect")}
        return {"accelerators_per_node": "0", **fields}
    model, memory, clock = machine.accelerators[0]
    fields = {"accelerators_per_node": str(len(machine.accelerators))}
    if all(other == machine.accelerators[0] for other in machine.accelerators):
        fields |= {
            "accelerator_model_name": model,
            "accelerator_memory_capacity": memory,
            "accelerator_frequency": clock,
        }
    if len(machine.accelerators) == 1:
        fields["accelerator_interconnect"] = _NONE
    return fields
