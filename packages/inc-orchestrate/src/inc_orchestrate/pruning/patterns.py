"""What a pattern means for one weight: whether it fits, how its scores are laid out, and what its masks look like."""

from __future__ import annotations

from inc_adaptors.roles import BlockLayout
from inc_config.pruning import BlockPattern, NofMPattern, Pattern, Reduction


def misfit(pattern: Pattern, matrix: tuple[int, int]) -> str:
    """Why a weight seen as (out, kh*kw*in) cannot be tiled by ``pattern``; empty when it can."""
    out, columns = matrix
    if not isinstance(pattern, BlockPattern | NofMPattern):
        return f"the pattern {pattern} is not offered yet"
    if isinstance(pattern, NofMPattern):
        return f"{columns} inputs do not divide into groups of {pattern.group}" if columns % pattern.group else ""
    if out % pattern.rows or columns % pattern.columns:
        return f"{out} x {columns} does not divide into blocks of {pattern}"
    return ""


def layout(pattern: Pattern, reduction: Reduction) -> BlockLayout:
    """How element scores are reduced before masks are chosen: N:M looks at single elements."""
    blocks = pattern if isinstance(pattern, BlockPattern) else BlockPattern(1, 1)
    return BlockLayout(pattern=blocks, reduction=reduction)
