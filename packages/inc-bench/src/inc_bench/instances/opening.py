"""Open a model that is named by data: a path, a saved folder, or a function."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors import store
from inc_adaptors.detect import adaptor_for, adaptor_named, spec_for, specs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, SavedModel, Stores, require
from inc_config.errors import ModelError

from inc_bench.instances.job import ModelSource, SourceKind

_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@attrs.frozen(kw_only=True, eq=False)
class Opened:
    """A model with its adaptor, or a plain function that is timed as it is (``adaptor`` None)."""

    native: Any
    adaptor: Adaptor | None = None
    handle: ModelHandle | None = None


def source_of(model: Any, *, architecture: str | None = None) -> ModelSource | None:
    """How another process can open this model; None for a live object."""
    return source_named(model, architecture=architecture) if isinstance(model, str | os.PathLike) else None


def source_named(model: str | os.PathLike[str], *, architecture: str | None = None) -> ModelSource:
    """How a process can open the model of this name."""
    name = os.fspath(model)
    if isinstance(name, str) and _TARGET.fullmatch(name) and not Path(name).exists():
        return ModelSource(kind=SourceKind.TARGET, name=name)
    path = Path(os.fsdecode(name))
    if path.is_dir():
        return ModelSource(kind=SourceKind.SAVED, name=str(path.resolve()), architecture=architecture)
    return ModelSource(kind=SourceKind.PATH, name=str(path.resolve()))


def check_source(source: ModelSource) -> None:
    """Refuse, before any process is started, a path that leads to no model.

    Raises:
        ModelError: no such file, or not a model file.
        StoreError: the folder was not written by ``save``.
    """
    if source.kind is SourceKind.PATH:
        spec_for(source.name)
    elif source.kind is SourceKind.SAVED:
        store.reading.read_manifest(Path(source.name))


def resolve(target: str) -> Callable[..., Any]:
    """The function that ``module:function`` names; modules of the working folder are found.

    Raises:
        ModelError: there is no such module or function.
    """
    module, _, attribute = target.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"{target!r} cannot be loaded: {error}.",
            where=f"module {module}",
            fix="write it as module:function; the module must be importable from the working folder",
        ) from error
    if not callable(found):
        raise ModelError(
            f"{target!r} is a {type(found).__name__}, not a function.", where=target, fix="name a function that returns a model"
        )
    return found  # type: ignore[no-any-return]  # callable() is what is known of it


def open_model(model: Any) -> Opened:
    """Open a live object or a model file; a plain function is taken as it is.

    Raises:
        ModelError: neither a model of an installed adaptor nor callable.
    """
    try:
        adaptor = adaptor_for(model)
    except ModelError:
        if callable(model) and not isinstance(model, type) and not hasattr(model, "forward"):
            return Opened(native=model)
        raise
    return Opened(native=model, adaptor=adaptor, handle=adaptor.open(model))


def open_source(source: ModelSource) -> Opened:
    """Open what another process named.

    Raises:
        ModelError: it cannot be opened; also whatever the user's function raises.
    """
    if source.kind is SourceKind.TARGET:
        return open_model(resolve(source.name)())
    if source.kind is SourceKind.PATH:
        return open_model(source.name)
    loaded = store.load(source.name)
    fresh = resolve(source.architecture)() if source.architecture else None
    adaptor = adaptor_for(fresh) if fresh is not None else adaptor_named(_framework(loaded, source.name))
    handle = require(adaptor, Stores, step="benchmark of a saved folder").from_saved(loaded.model, fresh)
    return Opened(native=handle.native, adaptor=adaptor, handle=handle)


def _framework(loaded: store.Loaded, folder: str) -> str:
    for document in loaded.extra.values():
        if isinstance(document, dict) and isinstance(document.get("framework"), str):
            return str(document["framework"])
    return _framework_of_files(loaded.model, folder)


def _framework_of_files(saved: SavedModel, folder: str) -> str:
    suffixes = {Path(name).suffix for name in saved.files}
    for spec in specs():
        if suffixes & set(spec.suffixes):
            return spec.name
    raise ModelError(
        "The saved folder does not say which framework it is for.",
        where=folder,
        fix="name a function that makes a fresh model: --architecture module:function",
    )
