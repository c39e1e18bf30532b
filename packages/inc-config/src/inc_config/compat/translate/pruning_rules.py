"""What the flavours of pruning share: names, patterns, criteria, schedules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from inc_config.compat.translate.remarks import Remarks
from inc_config.named import Named
from inc_config.patterns import NofMPattern, parse_pattern
from inc_config.pruning import Regularizer, ScheduleKind, Scope

_PREFIX = re.compile(r"\w*_pattern_")
_SCHEDULES = {
    "exp": ScheduleKind.EXPONENTIAL,
    "cos": ScheduleKind.COSINE,
    "linear": ScheduleKind.LINEAR,
    "cube": ScheduleKind.CUBIC,
}
_PROGRESSIVE = "_progressive"


def pattern_of(pattern: str) -> str:
    """``tile_pattern_4x1`` is ``4x1`` today."""
    return _PREFIX.sub("", pattern, count=1)


def reached_by(fields: Mapping[str, Any], path: str, today: str, remarks: Remarks) -> dict[str, float]:
    """The sparsity that an N:M pattern reaches where 1.x stopped at less."""
    pattern, target = parse_pattern(fields.get("pattern", "1x1")), fields["target_sparsity"]
    if not isinstance(pattern, NofMPattern) or target >= pattern.zeros / pattern.group:
        return {}
    reached = pattern.zeros / pattern.group
    text = f"Pattern {pattern} reaches {reached:g} and nothing else; 1.x stopped at {target:g}."
    remarks.changed(f"{path}.target_sparsity", text, f"{today}.target_sparsity")
    return {"target_sparsity": reached}


def literal(name: str) -> str:
    """A weight's name, in which ``*`` stands for anything, as a regular expression."""
    return ".*".join(map(re.escape, name.split("*")))


def searched(path: str, remarks: Remarks) -> Callable[[str], str]:
    """From an expression that is searched for in names to one that matches whole names."""

    def convert(name: str) -> str:
        try:
            re.compile(name)
        except re.error:
            remarks.changed(path, f"{name!r} is no regular expression; it is read as a name with wildcards.")
            return f".*{literal(name)}.*"
        if re.search(r"[|^$]", name):
            return f".*(?:{name}).*"
        return f"{'' if name.startswith('.*') else '.*'}{name}{'' if name.endswith('.*') else '.*'}"

    return convert


def texts_of(names: Iterable[str] | None, convert: Callable[[str], str]) -> tuple[str, ...]:
    """Every name as a regular expression, once."""
    return tuple(dict.fromkeys(convert(name) for name in names or ()))


def criterion_of(kind: str, parameters: Mapping[str, Any] | None, path: str, remarks: Remarks) -> dict[str, Any]:
    """The fields that say what is cut first."""
    given = dict(parameters or {})
    progressive = {"progressive": True} if kind.endswith(_PROGRESSIVE) else {}
    kind = kind.removesuffix(_PROGRESSIVE)
    if kind == "group_lasso":
        coefficient = given.pop("alpha", 0.0)
        if given:
            remarks.dropped(f"{path}.parameters", f"group_lasso has alpha only, not {', '.join(given)}.")
        return {"criterion": Named("magnitude"), "regularizer": Regularizer(coefficient=coefficient), **progressive}
    if kind == "pattern_lock":
        return {"criterion": Named("magnitude"), "keep_zeros": True, **progressive}
    if kind in ("magnitude", "basic_magnitude"):
        if given:
            remarks.dropped(f"{path}.parameters", "Magnitude has no parameters.")
        return {"criterion": Named("magnitude"), **progressive}
    return {"criterion": Named(kind, given), **progressive}


def criterion_from(path: str, today: str, remarks: Remarks) -> None:
    """Remember where what ``criterion_of`` gives comes from."""
    for field in ("criterion", "regularizer", "keep_zeros", "progressive"):
        remarks.comes_from(path, f"{today}.{field}")


def scope_of(domain: str | None, path: str, remarks: Remarks) -> dict[str, Scope]:
    """The field that says among which weights blocks compete."""
    if domain is None:
        return {}
    if domain not in ("global", "local"):
        remarks.changed(path, f"{domain!r} was never a domain; blocks compete over the whole model.")
        return {"scope": Scope.GLOBAL}
    return {"scope": Scope(domain)}


def schedule_of(decay: str | None, path: str, remarks: Remarks) -> dict[str, ScheduleKind]:
    """The field that says how sparsity grows."""
    if decay is None:
        return {}
    if decay not in _SCHEDULES:
        remarks.changed(path, f"{decay!r} was never a schedule; sparsity grows exponentially.")
    return {"schedule": _SCHEDULES.get(decay, ScheduleKind.EXPONENTIAL)}
