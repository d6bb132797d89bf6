"""What can be said of a maker of model files before anything that it imports is there."""

from dataclasses import dataclass

from loadscope.sut.needs import installed_versions


@dataclass(frozen=True)
class Exporter:
    """A maker of model files, which runs in a process of its own.

    Attributes:
        name: What ``build:`` calls it in a manifest.
        command: ``module:attribute`` of its click command. Its options are ``takes``, the
            ``origin_option`` where there is an origin, and ``--output``.
        does: What it does to weights, a phrase.
        suffix: The end of its file's name.
        needs: The packages that it imports; a bar stands between two names of the same one.
        install: The command that installs them.
        code: The modules, and packages with their data, that determine what it writes.
        takes: The options that it is given, of ``suite.fetch.artifacts.build_options``.
        origin: The format that the artifact under ``from`` must have; empty where there is none.
        origin_option: The option that names the file which it starts from.
        makes: The format that it writes, where the model families offer what it makes of their
            networks; empty where they do not.
        layout: The layout of images in what it writes; empty for that of its origin.
        requires: The keys of a manifest that it cannot do without.
        allows: Further keys that it takes.
        libraries: Requirements of exact versions that its process alone imports. They are put in
            the cache and never installed, for what they ask for would break other packages.
    """

    name: str
    command: str
    does: str
    suffix: str
    needs: tuple[str, ...]
    install: str
    code: tuple[str, ...]
    takes: tuple[str, ...] = ()
    origin: str = ""
    origin_option: str = ""
    makes: str = ""
    layout: str = ""
    requires: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()

    def versions(self) -> dict[str, str]:
        """The versions of the packages that it imports.

        Raises:
            InputError: One is not installed; the message has the command that installs it.
        """
        what = f"the model is built here: build:{self.name}"
        found = installed_versions(what, self.needs, self.install)
        return found | dict(one.split("==", 1) for one in self.libraries)
