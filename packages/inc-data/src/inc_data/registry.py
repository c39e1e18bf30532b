"""Datasets and transforms by name, from this package and from anyone's: entry points in ``inc.datasets`` and ``inc.transforms``."""

from __future__ import annotations

import inspect
import sys
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from inspect import Parameter, Signature
from typing import Any

from inc_data.faults import fault, one_of

DATASETS = "inc.datasets"
TRANSFORMS = "inc.transforms"


def build_dataset(name: str, **args: Any) -> Any:
    """Build the dataset that is registered as ``name`` (case counts), for example ``ImageFolder``.

    Raises:
        ValueError: the name is unknown, two packages offer it, or its package cannot be imported; or an argument's value is refused.
        TypeError: an argument is missing or unknown.
    """
    return _build(DATASETS, "dataset", name, args)


def build_transform(name: str, **args: Any) -> Any:
    """Build the transform that is registered as ``name`` (case counts), for example ``Resize``.

    Raises:
        ValueError: the name is unknown, two packages offer it, or its package cannot be imported; or an argument's value is refused.
        TypeError: an argument is missing or unknown.
    """
    return _build(TRANSFORMS, "transform", name, args)


def dataset_names() -> tuple[str, ...]:
    """Return the names that ``build_dataset`` knows, sorted."""
    return tuple(sorted(_found(DATASETS)))


def transform_names() -> tuple[str, ...]:
    """Return the names that ``build_transform`` knows, sorted."""
    return tuple(sorted(_found(TRANSFORMS)))


def _build(group: str, kind: str, name: str, args: dict[str, Any]) -> Any:
    factory = _load(group, kind, name)
    signature = inspect.signature(factory)
    try:
        signature.bind(**args)
    except TypeError as error:
        open_ended = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in signature.parameters.values())
        unknown = [] if open_ended else sorted(set(args) - set(signature.parameters))
        what = f"{name} has no argument {unknown[0]!r}." if unknown else f"{name}: {error}."
        fix = f"use {one_of(unknown[0], signature.parameters)}" if unknown else f"call {name}{_without_types(signature)}"
        raise TypeError(fault(what, where=f"the arguments of {kind} {name}", fix=fix)) from error
    return factory(**args)


def _without_types(signature: Signature) -> Signature:
    plain = [parameter.replace(annotation=Parameter.empty) for parameter in signature.parameters.values()]
    return Signature(plain)


def _load(group: str, kind: str, name: str) -> Any:
    found = _found(group)
    if name not in found:
        raise ValueError(fault(f"Unknown {kind} {name!r}.", where=f"entry points in {group}", fix=one_of(str(name), found)))
    offers = found[name]
    origins = ", ".join(sorted(f"{offer.value} ({offer.dist.name if offer.dist else 'unknown package'})" for offer in offers))
    if len({offer.value for offer in offers}) > 1:
        raise ValueError(fault(f"Two packages offer {kind} {name!r}.", where=origins, fix="uninstall one of them"))
    try:
        return offers[0].load()
    except (ImportError, AttributeError) as error:
        raise ValueError(
            fault(
                f"{kind.capitalize()} {name!r} cannot be loaded: {error}.", where=origins, fix="install what that package needs, or mend it"
            )
        ) from error


def _found(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    return _found_on(group, tuple(sys.path))


@lru_cache(maxsize=8)
def _found_on(group: str, path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    # Reading the metadata of every installed package takes milliseconds; it changes with the search path.
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=group):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found
