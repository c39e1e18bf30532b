"""Find plug-ins by name, when they are asked for: nothing is imported before."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from inc_config.errors import PluginError
from inc_config.fields import one_of

GROUPS = ("inc.adaptors", "inc.metrics", "inc.datasets", "inc.transforms", "inc.strategies", "inc.steps", "inc.observers", "inc.criteria")


def names(group: str) -> tuple[str, ...]:
    """Names available in an entry-point group, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=group)}))


def load(group: str, name: str) -> Any:
    """Import and return what ``name`` stands for in an entry-point group such as ``"inc.strategies"``.

    Raises:
        PluginError: the name is unknown, stands for two different things, or cannot be imported.
    """
    found = tuple({point.value: point for point in entry_points(group=group, name=name)}.values())
    if not found:
        raise _unknown(group, name)
    if len(found) > 1:
        owners = ", ".join(f"{point.value} ({_owner(point)})" for point in found)
        raise PluginError(f"Two packages provide {name!r}: {owners}.", where=f"entry points {group}", fix="uninstall one of them")
    try:
        return found[0].load()
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"{name!r} is registered as {found[0].value} but cannot be imported: {error}",
            where=f"entry points {group} of {_owner(found[0])}",
            fix="install what the import misses, or reinstall that package",
        ) from error


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unnamed distribution"


def _unknown(group: str, name: str) -> PluginError:
    known = names(group)
    kind = group.removeprefix("inc.")
    fix = one_of(name, known) if known else f"install a package that provides {kind}"
    return PluginError(f"Unknown name {name!r} among {kind}.", where=f"entry points {group}", fix=fix)
