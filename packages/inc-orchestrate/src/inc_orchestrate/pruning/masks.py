"""Masks of a whole selection at one point of a schedule."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from inc_adaptors.roles import BlockLayout
from inc_config.pruning import NofMPattern, PruneConfig
from numpy.typing import NDArray

from inc_orchestrate.pruning.allocation import Keep, allocate, allocate_n_of_m
from inc_orchestrate.pruning.patterns import layout
from inc_orchestrate.pruning.schedule import Schedule
from inc_orchestrate.pruning.select import Choice, Selection


def layouts(selection: Selection, config: PruneConfig) -> dict[str, BlockLayout]:
    """How the scores of each chosen weight are reduced before they reach the host."""
    return {choice.info.name: layout(choice.pattern, config.reduction) for choice in selection.chosen}


def masks_at(
    step: int, scores: Mapping[str, NDArray[np.float32]], *, selection: Selection, schedule: Schedule, config: PruneConfig
) -> dict[str, Keep]:
    """Choose what every weight keeps at optimizer step ``step``.

    Args:
        step: a step at which the schedule is due.
        scores: block scores per weight name, shape (out/rows, in/columns); N:M weights have element scores.

    Returns:
        Keep-masks per weight name, shaped like the scores.
    """
    keep: dict[str, Keep] = {}
    for group in selection.groups():
        keep |= _group_masks(group, scores, schedule.sparsity(step, group[0].target_sparsity), config)
    return keep


def _group_masks(
    group: tuple[Choice, ...], scores: Mapping[str, NDArray[np.float32]], sparsity: float, config: PruneConfig
) -> dict[str, Keep]:
    members = {choice.info.name: scores[choice.info.name] for choice in group}
    pattern = group[0].pattern
    if isinstance(pattern, NofMPattern):
        return {name: allocate_n_of_m(value, pattern, sparsity=sparsity) for name, value in members.items()}
    return allocate(members, sparsity=sparsity, scope=config.scope, minimum=config.min_sparsity_per_op, maximum=config.max_sparsity_per_op)
