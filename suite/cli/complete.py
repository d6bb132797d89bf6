"""What a shell completes: names from the catalogues, without importing a framework."""

from collections.abc import Callable, Iterable, Iterator

import click
from click.shell_completion import CompletionItem

from loadscope.errors import LoadScopeError

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def one_of(names: Iterable[str]) -> Completion:
    """Complete some names, in any case."""
    return _from(lambda _: names)


def _from(names: Callable[[click.Context], Iterable[str]]) -> Completion:
    def complete(
        context: click.Context, _: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(name) for name in _beginning(names, context, incomplete)]

    return complete


def _beginning(
    names: Callable[[click.Context], Iterable[str]], context: click.Context, incomplete: str
) -> Iterator[str]:
    try:
        found = list(names(context))
    except LoadScopeError:
        # A manifest with a fault is told when the command runs, not while it is typed.
        return
    begun = incomplete.casefold()
    yield from (name for name in found if name.casefold().startswith(begun))


# The catalogues are imported when they are asked for: most commands need none of them.
def _models(context: click.Context) -> Iterable[str]:
    from loadscope.suite.models.manifest import Catalogue
    from loadscope.suite.models.zoo.registry import readable

    yield from Catalogue.load(context.params.get("models") or ()).models
    for family in readable():
        yield from (model.id for model in family.described().values())


def _frameworks(context: click.Context) -> Iterable[str]:
    from loadscope.sut.registry import frameworks

    return frameworks()


def _tasks(context: click.Context) -> Iterable[str]:
    from loadscope.datasets.registry import task_names

    return task_names()


def _datasets(context: click.Context) -> Iterable[str]:
    from loadscope.datasets.catalog import catalog_with

    return catalog_with(context.params.get("datasets") or context.params.get("files") or ())


def _backend_options(context: click.Context) -> Iterator[str]:
    from loadscope.sut.registry import backend_info, frameworks

    given = context.params.get("framework") or frameworks()
    for name in [given] if isinstance(given, str) else given:
        for option, info in backend_info(name).options.items():
            choices = info.choices or (("true", "false") if info.kind is bool else ("",))
            yield from (f"{option}={choice}" for choice in choices)


def _devices(context: click.Context) -> Iterable[str]:
    from loadscope.devices import CPU, devices_here

    return [CPU, *(device.name for device in devices_here())]


def _dataset_or_folder(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    named = [CompletionItem(name) for name in _beginning(_datasets, context, incomplete)]
    return [*named, *click.Path(file_okay=False).shell_complete(context, parameter, incomplete)]


def _model_or_file(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    if incomplete.startswith((".", "/", "~")):
        return click.Path().shell_complete(context, parameter, incomplete)
    return [CompletionItem(name) for name in _beginning(_models, context, incomplete)]


models, frameworks = _from(_models), _from(_frameworks)
models_and_datasets = _from(lambda context: [*_models(context), *_datasets(context)])

COMPLETIONS: dict[str, Completion] = {
    "models": _model_or_file,
    "frameworks": frameworks,
    "datasets": _dataset_or_folder,
    "tasks": _from(_tasks),
    "devices": _from(_devices),
    "backend options": _from(_backend_options),
}
"""By what a field of a spec says that it completes."""
