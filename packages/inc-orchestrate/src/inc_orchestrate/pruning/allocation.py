"""Which blocks are cut: budgets over scores, globally or per weight, exact to one block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from inc_config.pruning import NofMPattern, Scope
from numpy.typing import NDArray

Scores = NDArray[np.floating[Any]]
Keep = NDArray[np.bool_]

# Keeps products such as 0.29 * 100, which floating point puts just below a whole number, from losing a block.
_ROUNDING = 1e-9


def whole(fraction: float, count: int) -> int:
    """How many whole blocks of ``count`` a fraction allows: the largest number not above ``fraction * count``."""
    return int(np.floor(fraction * count + _ROUNDING * max(count, 1)))


def allocate(scores: Mapping[str, Scores], *, sparsity: float, scope: Scope, minimum: float = 0.0, maximum: float = 1.0) -> dict[str, Keep]:
    """Cut the least important blocks.

    Global scope pools the blocks of all weights; no weight goes above ``maximum``, and none stays below ``minimum`` (or below
    ``sparsity``, while a schedule still asks for less). Equal scores are cut in order of appearance: the result is deterministic and exact.

    Args:
        scores: block scores per weight, any shape; higher is more important. All blocks have the same number of elements.
        sparsity: fraction of all blocks to cut.
        scope: whether weights compete or each is cut alone.
        minimum: least fraction cut of every weight.
        maximum: largest fraction cut of any weight.

    Returns:
        Keep-masks (True keeps) of the same shapes. The blocks cut are ``whole(sparsity, blocks)``, less what ``maximum`` forbids.
    """
    if scope is Scope.LOCAL:
        return {name: keep_highest(value, whole(min(max(sparsity, 0.0), maximum), value.size)) for name, value in scores.items()}
    return _global(scores, sparsity, minimum, maximum)


def _global(scores: Mapping[str, Scores], sparsity: float, minimum: float, maximum: float) -> dict[str, Keep]:
    """Reserve each weight's minimum, protect what lies above its maximum, and let the rest compete.

    This is the fixed point of freezing every weight that exceeds its maximum and solving again for the others, found in one pass.
    """
    if not scores:
        return {}
    forced = {name: whole(min(minimum, sparsity), value.size) for name, value in scores.items()}
    ceiling = {name: max(whole(maximum, value.size), forced[name]) for name, value in scores.items()}
    reserved = {name: ~keep_highest(value, forced[name]) for name, value in scores.items()}
    open_blocks = {name: ~(keep_highest(value, ceiling[name]) | reserved[name]) for name, value in scores.items()}
    pool = np.concatenate([value[open_blocks[name]] for name, value in scores.items()])
    budget = min(whole(sparsity, sum(value.size for value in scores.values())) - sum(forced.values()), pool.size)
    kept_in_pool = keep_highest(pool, budget)

    keep: dict[str, Keep] = {}
    offset = 0
    for name in scores:
        mask = ~reserved[name]
        count = ceiling[name] - forced[name]
        mask[open_blocks[name]] = kept_in_pool[offset : offset + count]
        offset += count
        keep[name] = mask
    return keep


def keep_highest(scores: Scores, cut: int) -> Keep:
    """Keep all but the ``cut`` lowest scores; among equals the first in memory order is cut first."""
    flat = scores.reshape(-1)
    if cut <= 0:
        return np.ones(scores.shape, dtype=np.bool_)
    if cut >= flat.size:
        return np.zeros(scores.shape, dtype=np.bool_)
    threshold = np.partition(flat, cut - 1)[cut - 1]
    keep: Keep = flat > threshold
    below = int(np.count_nonzero(flat < threshold))
    ties = np.flatnonzero(flat == threshold)
    keep[ties[cut - below :]] = True
    return keep.reshape(scores.shape)


def allocate_n_of_m(scores: Scores, pattern: NofMPattern, *, sparsity: float) -> Keep:
    """Cut the same number of elements in every group of ``pattern.group`` consecutive inputs.

    Args:
        scores: element scores, shape (out, in), ``in`` a multiple of ``pattern.group``.
        pattern: N:M; never more than N of M are cut.
        sparsity: fraction asked for; while a schedule asks for less than N/M, as many whole elements per group as it allows are cut.

    Returns:
        Keep-mask, shape (out, in).
    """
    per_group = min(pattern.zeros, whole(sparsity, pattern.group))
    groups = scores.reshape(scores.shape[0], -1, pattern.group)
    order = np.argsort(groups, axis=-1, kind="stable")
    keep = np.ones(groups.shape, dtype=np.bool_)
    np.put_along_axis(keep, order[..., :per_group], False, axis=-1)
    return keep.reshape(scores.shape)
