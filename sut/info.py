"""What can be said of a backend before its framework is imported."""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadscope.devices import canonical, kind_of, require_here
from loadscope.errors import InputError, near
from loadscope.names import DEFAULT_DEVICE
from loadscope.sut.exporter import Exporter
from loadscope.sut.interpreter.declared import Interpreter
from loadscope.sut.interpreter.find import Python, find
from loadscope.sut.quantizer import Quantizer
from loadscope.sut.reach import Reach

DEVICE = "device"
"""The option that every backend has; a spec's field of this name sets it."""


@dataclass(frozen=True)
class Option:
    """A setting of a backend, given in a manifest or with ``--option``.

    Attributes:
        kind: The type of its value.
        choices: The values that it can have, where they are few.
        weights: What a value does to the weights, a phrase each; under None what is done where
            the option is not given.
        numerics: The numbers that a model computes with under a value, where it decides that.
    """

    kind: type
    choices: tuple[str, ...] = ()
    weights: Mapping[Any, str] = field(default_factory=dict)
    numerics: Mapping[Any, str] = field(default_factory=dict)

    def takes(self, value: Any) -> bool:
        """Whether a value is of the option's type; a whole number is a ``float`` too."""
        if isinstance(value, bool):
            return self.kind is bool
        return isinstance(value, (int, float) if self.kind is float else self.kind)


@dataclass(frozen=True)
class Tunable:
    """An option of a backend that changes its speed.

    Attributes:
        name: The option's name.
        values: What to try; the first is what the backend does where the option is not given.
        numerics: Whether answers may change by more than the order of float32 additions, so
            that accuracy must be measured again.
        inputs: What a model must take for the option to make a difference (``Task.inputs``); None
            for anything.
    """

    name: str
    values: tuple[Any, ...]
    numerics: bool = False
    inputs: str | None = None


@dataclass(frozen=True)
class BackendInfo:
    """A backend as its ``info.py`` describes it.

    Attributes:
        name: The value of ``--framework``, and the name of its entry point.
        title: The framework's own spelling.
        location: ``module:class`` of the backend; with an ``interpreter`` of its program, which
            is imported there alone.
        package: The import name that must be there, empty where nothing is needed.
        distributions: The names under which package managers know it, preferred first.
        install: The command that installs it.
        formats: The artifact formats that it loads.
        options: The settings that it takes, by name.
        tunables: The options worth searching; what is left out is no faster anywhere, or is
            chosen by threads already.
        devices: The kinds of device that it can compute on; the first is taken where none is
            asked for.
        device_fault: ``module:function`` that tells from the installed files, without importing
            the framework, why this installation cannot use a device: what is missing and the
            mend, or None. Empty where only the framework knows.
        trace_levels: The levels inside ``predict`` that it tells of: ``framework``, ``layer``,
            and ``library`` where the library below it is oneDNN and says what it runs.
        weights: What the framework does to the weights of every model that it loads.
        one_caller: Whether a process must not call it from two threads at once.
        generates: Whether it keeps the keys and values of its decoders to itself and answers token
            by token in batches of its own (``generating.GeneratingBackend``).
        each_shape: Whether it prepares itself anew for each shape of a batch.
        folders: The formats that are a folder, all of whose files are loaded.
        companions: By format, ``module:function`` that lists the files which are loaded beside
            the one that is named; a format that is left out has none.
        exporters: What makes files of its formats here.
        files: By format, how the names of its files end; of a format that is a folder, the file
            by which it is known. What is left out is not told from a file's name.
        signature: ``module:function`` that reads the tensors of a file (``signature.Signature``)
            from its format, its path and what the user says of inputs; it may import the
            framework, and is called in a process of its own. Empty for none.
        probe: ``module:class`` of what tells the values of its layers (``layer_values.Probe``),
            empty for none.
        interpreter: The Python that the framework needs where it cannot live in this environment;
            None where it can.
        quantizer: Its own tool for static quantisation to int8; None for none.
        tasks: The tasks whose models were run on it here and gave the right answers.
        overheads: By trace level, the predict time at it against none as it was measured: the
            lowest and the highest ratio. A level that is left out was not measured.
        notes: What its user has to know, a sentence each: what it refuses, what it may not share.
        answers: Whether its answers say anything of the model. One of which they do not needs no
            file, stands in for any framework, and is not offered to users.
        reach: How it reaches a SUT by an address; its ``answers`` is false too, for users name the
            framework that runs there. None where the model is loaded here.
    """

    name: str
    title: str
    location: str
    package: str
    distributions: tuple[str, ...]
    install: str
    formats: tuple[str, ...]
    options: Mapping[str, Option] = field(default_factory=dict)
    tunables: tuple[Tunable, ...] = ()
    devices: tuple[str, ...] = (DEFAULT_DEVICE,)
    device_fault: str = ""
    trace_levels: tuple[str, ...] = ()
    weights: str = ""
    one_caller: bool = False
    generates: bool = False
    each_shape: bool = False
    folders: tuple[str, ...] = ()
    companions: Mapping[str, str] = field(default_factory=dict)
    exporters: tuple[Exporter, ...] = ()
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    signature: str = ""
    probe: str = ""
    interpreter: Interpreter | None = None
    quantizer: Quantizer | None = None
    tasks: tuple[str, ...] = ()
    overheads: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    answers: bool = True
    reach: Reach | None = None

    def model_files(self, format: str, path: Path) -> list[Path]:
        """Every file that loading a model reads: the named one first, then others by name.

        Args:
            format: The model's format.
            path: The file, or the folder of a format that is one.

        Raises:
            OSError: It cannot be read.
        """
        if path.is_dir():
            return sorted(each for each in path.rglob("*") if each.is_file())
        if format not in self.companions:
            return [path]
        return [path, *named(self.companions[format])(path)]

    def format_of(self, path: Path) -> str:
        """The format that a model's file is of by its name; empty where it is of none."""
        for format, ends in self.files.items():
            if format in self.folders:
                found = any((path / end).is_file() for end in ends)
            else:
                found = not path.is_dir() and path.name.endswith(ends)
            if found:
                return format
        return ""

    def weight_changes(self, options: Mapping[str, Any]) -> list[str]:
        """What the framework and these options of it do to the weights, a phrase each."""
        found = [self.weights]
        found += [
            option.weights.get(value, "")
            for name, option in self.options.items()
            if isinstance(value := self._value(name, options), (str, bool, int)) or value is None
        ]
        return list(filter(None, found))

    def numerics(self, options: Mapping[str, Any], of_file: str) -> str:
        """What numbers a model computes with.

        Args:
            options: Of the backend; the first one that decides it counts.
            of_file: What the model's file computes with.
        """
        for name, option in self.options.items():
            # A list is no key; that it is no value either is said by whoever checks the options.
            value = self._value(name, options)
            if isinstance(value, (str, bool, int)) and value in option.numerics:
                return option.numerics[value]
        return of_file

    def _value(self, name: str, options: Mapping[str, Any]) -> Any:
        """An option's value; of the device its kind, for that decides."""
        return kind_of(self.device(options)) if name == DEVICE else options.get(name)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Check that every option is one of the backend's, of its type, and of a known value.

        Raises:
            InputError: One is not.
        """
        for name, value in options.items():
            if name == DEVICE:
                self._check_device(value)
                continue
            option = self.options.get(name)
            if option is None:
                raise InputError(
                    f"{self.title} has no option '{name}'",
                    f"{near(name, self.options)}known: {', '.join(self.options) or 'none'}",
                )
            if not option.takes(value):
                raise InputError(
                    f"{self.title}: option {name} = {value!r} is not of type "
                    f"{option.kind.__name__}",
                    "correct --option, or options in the model's manifest",
                )
            if option.choices and value not in option.choices:
                raise InputError(
                    f"{self.title}: unknown {name} '{value}'",
                    f"use one of: {', '.join(option.choices)}",
                )

    def device(self, options: Mapping[str, Any]) -> str:
        """The device that options ask for, by its one name.

        Args:
            options: Of the backend, checked; every backend has the option ``device``.
        """
        return canonical(options.get(DEVICE, self.devices[0]))

    def require_device(self, options: Mapping[str, Any]) -> None:
        """Check that this machine has the device, and that the framework here can use it.

        Args:
            options: As above.

        Raises:
            InputError: One of them is not so; the message says what to install.
        """
        name = self.device(options)
        fault = named(self.device_fault)(name) if self.device_fault else None
        if fault is not None:
            missing, mend = fault
            raise InputError(f"{self.title} cannot use the device {name}: {missing}", mend)
        require_here(name)

    def _check_device(self, name: Any) -> None:
        try:
            known = kind_of(canonical(str(name))) in self.devices
        except ValueError:
            known = False
        if not known:
            raise InputError(
                f"{self.title} has no device '{name}'",
                f"use one of: {', '.join(self.devices)}; the second of a kind is cuda:1",
            )

    def installed(self) -> bool:
        """Whether the framework can be found, without importing it."""
        try:
            self.require_installed()
        except InputError:
            return False
        return True

    def require_installed(self) -> None:
        """Check that the framework can be found, without importing it.

        Raises:
            InputError: It is not there, or there is no Python for it; the message has the command
                that mends it.
        """
        if (python := self.python()) is not None:
            if self.package and not python.has(self.package):
                raise InputError(
                    f"{python.path} does not have the package {self.package} of {self.title}",
                    f"install it there, or use: loadscope env create {self.name}",
                )
        elif self.package and importlib.util.find_spec(self.package) is None:
            raise InputError(f"{self.title} is not installed in this environment", self.install)

    def python(self) -> Python | None:
        """The Python of the framework's own; None where it lives in this environment.

        Raises:
            InputError: There is none on this machine that will do.
        """
        if self.interpreter is None:
            return None
        return find(self.name, self.title, self.interpreter)

    def version(self) -> str | None:
        """The installed framework's version, or None where it is not installed."""
        try:
            python = self.python()
        except InputError:
            return None
        if python is not None:
            return python.version_of(self.distributions)
        for distribution in self.distributions:
            try:
                return importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                continue
        return None


def named(location: str) -> Any:
    """Import what ``module:attribute`` names."""
    module, _, attribute = location.partition(":")
    return getattr(importlib.import_module(module), attribute)
