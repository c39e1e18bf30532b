"""From a statistic's name and arguments to a fresh one."""

from __future__ import annotations

from typing import Any, cast

from inc_config import plugins
from inc_config.errors import PluginError

from inc_adaptors.statistics.protocol import Statistic, StatisticSpec

GROUP = "inc.observers"


def observer_class(name: str) -> type[Statistic]:
    """The class that the entry-point group ``inc.observers`` has under ``name``; raises PluginError for an unknown one."""
    return cast("type[Statistic]", plugins.load(GROUP, name))


def create(spec: StatisticSpec) -> Statistic:
    """Make an empty statistic.

    Raises:
        PluginError: no package provides the name, or the statistic does not take these arguments.
    """
    observer: Any = observer_class(spec.name)
    try:
        return cast("Statistic", observer(**spec.args))
    except TypeError as error:
        raise PluginError(
            f"The statistic {spec.name!r} does not take these arguments: {error}",
            where=f"{spec}",
            fix="give the arguments its class documents",
        ) from error
