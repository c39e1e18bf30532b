"""Metrics by name, built-in and third-party alike, over the entry points of the group ``inc.metrics``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.foreign import as_metric

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

    from inc_metrics.protocols import Metric

_GROUP = "inc.metrics"


def names() -> tuple[str, ...]:
    """Return the names that :func:`build` knows, in alphabetical order."""
    return tuple(sorted({entry.name for entry in _entry_points()}))


def build(name: str, /, **args: Any) -> Metric:
    """Make the metric called ``name`` with its options ``args``.

    Upper and lower case, hyphens and underscores make no difference: ``TopK``, ``topk`` and ``top_k`` are one name.

    Raises:
        MetricValueError: unknown or ambiguous name, an option's value is wrong, or a plug-in that cannot be loaded.
        MetricTypeError: an option that the metric does not have.
    """
    factory = _load(_find(name))
    if callable(factory):
        _check_arguments(factory, name, args)
        return as_metric(factory(**args))
    raise MetricTypeError(
        f"The plug-in {name!r} is a {type(factory).__name__}", f"entry points of {_GROUP}", "register a class or a factory"
    )


def _entry_points() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points  # noqa: PLC0415 - costs more than everything else here together

    return tuple(entry_points(group=_GROUP))


def _spelling(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _find(name: str) -> EntryPoint:
    where = f"build({name!r})"
    if not isinstance(name, str):
        raise MetricTypeError(f"The name is a {type(name).__name__}", where, "give a string, or wrap an object with as_metric")
    known = _entry_points()
    found = {entry.value: entry for entry in known if _spelling(entry.name) == _spelling(name)}
    if not found:
        raise MetricValueError(f"Unknown metric {name!r}", where, _suggest(name, sorted({entry.name for entry in known})))
    if len(found) > 1:
        raise MetricValueError(f"The name {name!r} stands for {', '.join(sorted(found))}", where, "uninstall all but one of these plug-ins")
    return next(iter(found.values()))


def _suggest(name: str, known: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

    if not known:
        return f"no entry points of {_GROUP} are installed; install inc-metrics with pip instead of copying its folder"
    listing = f"one of {', '.join(known)}"
    stem = name.rstrip("0123456789")
    if stem != name and _spelling(stem) in ("top", "topk"):
        return f"{listing}; did you mean topk with k={name[len(stem) :]}?"
    by_spelling = {_spelling(entry): entry for entry in known}
    close = get_close_matches(_spelling(name), by_spelling, n=1) or _sharing_a_beginning(_spelling(name), by_spelling)
    return f"{listing}; did you mean {by_spelling[close[0]]}?" if close else listing


def _sharing_a_beginning(name: str, known: Iterable[str]) -> list[str]:
    """Return the shortest name that is spelled out, such as accuracy for acc, or the longest that is followed by more, such as f1."""
    longer = sorted((entry for entry in known if len(name) > 1 and entry.startswith(name)), key=len)
    return longer or sorted((entry for entry in known if len(entry) > 1 and name.startswith(entry)), key=len, reverse=True)


def _load(entry: EntryPoint) -> object:
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        where = f"entry point {entry.name} = {entry.value}"
        raise MetricValueError(f"The metric {entry.name!r} cannot be loaded: {error}", where, "repair or uninstall its package") from error


def _check_arguments(factory: Any, name: str, args: dict[str, Any]) -> None:
    from inspect import signature  # noqa: PLC0415 - as costly as importlib.metadata

    parameters = signature(factory)
    try:
        parameters.bind(**args)
    except TypeError as error:
        options = ", ".join(parameters.parameters) or "none"
        raise MetricTypeError(f"The metric {name!r} cannot be made so: {error}", f"build({name!r})", f"its options: {options}") from error
