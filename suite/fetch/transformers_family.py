"""transformers' networks with their own weights, by the id of a repository of the hub.

A repository's rule stands in files of its own, so this is the one family that fetches something
before it has an entry.
"""

import json
from dataclasses import replace
from typing import Any

from loadscope.errors import InputError, UnreachableError, WorkError
from loadscope.paths import cache_root
from loadscope.suite.fetch.files import Fetched, fetch_file
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import HubSource, parse_source
from loadscope.suite.models.zoo.hub_entry import (
    CARD,
    CONFIG,
    PREPROCESSOR,
    TOKENIZER,
    VOCABULARY,
    Repository,
    hub_entry,
    licence_of,
    network_of,
    require_wordpiece,
)
from loadscope.suite.models.zoo.transformers import Transformers

_LARGEST = 16 << 20
"""Bytes of a file that is read whole."""


class _WithHub(Transformers):
    """``transformers/<class>``, or ``transformers/<owner>/<name>[@<revision>]``."""

    def entry(self, name: str) -> dict[str, Any]:
        """A seeded network by its class, or a trained one by the id of its repository.

        Raises:
            InputError: There is no such class or repository, no way to the hub, or it is none of
                the networks that LoadScope exports.
        """
        if "/" not in name:
            return super().entry(name)
        repository, _, revision = name.partition("@")
        place = (repository, revision or "main")
        config = _json(*place, CONFIG)
        network = network_of(name, config, self.rows())
        row = self.rows()[network]
        reads = row["task"] == "question-answering"
        processor = _json(*place, TOKENIZER if reads else PREPROCESSOR)
        given = Repository(*place, config, processor, _licence(*place))
        if reads:
            require_wordpiece(given, network)
            given = replace(given, vocabulary_sha256=_file(*place, VOCABULARY).sha256)
        return hub_entry(given, network, row)


def _file(repository: str, revision: str, member: str) -> Fetched:
    try:
        source = parse_source(f"hub:{repository}@{revision}#{member}")
    except ValueError:
        raise InputError(
            f"unknown model 'transformers/{repository}'",
            "give transformers/CLASS, or OWNER/NAME or OWNER/NAME@REVISION of the hub after "
            "'transformers/'",
        ) from None
    if not isinstance(source, HubSource):
        raise TypeError("a hub: is of the hub")
    try:
        return fetch_file(source, Checksum(), cache_root(), lambda *_: None)
    except UnreachableError:
        raise
    except WorkError as error:
        raise InputError(
            f"transformers/{repository}: {member} of revision '{revision}' cannot be had: "
            f"{error.message}",
            "correct the id; or get the repository elsewhere: " + error.fix.partition("or ")[2],
        ) from error


def _json(repository: str, revision: str, member: str) -> dict[str, Any]:
    path = _file(repository, revision, member).path
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is too large")
        found = json.loads(path.read_bytes())
        if not isinstance(found, dict):
            raise ValueError("it is no object")
    except ValueError as error:
        raise InputError(
            f"{path}: expected {member} of a model of transformers, got another file: {error}",
            "remove it from the cache, and correct the id",
        ) from error
    return found


def _licence(repository: str, revision: str) -> str:
    try:
        card = _file(repository, revision, CARD).path
    except UnreachableError:
        raise
    except InputError:
        # A repository need not have one.
        return "unknown"
    return licence_of(card.read_text(encoding="utf-8", errors="replace"))


FAMILY = _WithHub()
