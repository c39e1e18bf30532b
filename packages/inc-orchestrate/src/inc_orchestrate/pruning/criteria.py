"""Importance criteria by name: what the adaptors compute, and what a schedule must know of it."""

from __future__ import annotations

import attrs
from inc_config import plugins
from inc_config.errors import StepError
from inc_config.named import Named


@attrs.frozen(kw_only=True)
class Criterion:
    """``name`` is what adaptors know it by; ``accumulates`` whether it folds gradients in at every step, with momentum ``decay``."""

    name: str
    accumulates: bool
    decay: float = 0.0


MAGNITUDE = Criterion(name="magnitude", accumulates=False)

# score = 0.9 score + |weight gradient|, the momentum of the 2.x line.
SNIP_MOMENTUM = Criterion(name="snip_momentum", accumulates=True, decay=0.9)


def resolve(named: Named) -> Criterion:
    """Find a criterion in ``inc.criteria`` and give it its arguments (``decay``).

    Raises:
        PluginError: unknown name.
        StepError: an argument it does not have, or a decay outside [0, 1).
    """
    found = plugins.load("inc.criteria", named.name)
    where = f"criterion {named.name}"
    if not isinstance(found, Criterion):
        raise StepError(f"{named.name!r} is no Criterion.", where=where, fix="register an inc_orchestrate.pruning.criteria.Criterion")
    unknown = set(named.args) - ({"decay"} if found.accumulates else set())
    if unknown:
        options = "decay" if found.accumulates else "none"
        raise StepError(f"{named.name} has no option {', '.join(sorted(unknown))}.", where=where, fix=f"its options: {options}")
    decay = named.args.get("decay", found.decay)
    if isinstance(decay, bool) or not isinstance(decay, int | float) or not 0.0 <= decay < 1.0:
        raise StepError(f"decay must be a number in [0, 1), got {decay!r}.", where=where, fix="0.9 is usual")
    return attrs.evolve(found, decay=float(decay))
