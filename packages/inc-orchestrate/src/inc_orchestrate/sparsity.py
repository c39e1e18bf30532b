"""How many zeros a model really has."""

from __future__ import annotations

import numpy as np
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import AccessesWeights, Adaptor, Stores
from numpy.typing import NDArray

from inc_orchestrate.summary import SparsitySummary


def sparsity_of(adaptor: Adaptor, handle: ModelHandle) -> SparsitySummary | None:
    """Count zeros of a float model; None for adaptors that give no access to weights, or a model without masks.

    Masked weights count by their masks; the whole model by its stored arrays (buffers of single numbers left out).
    """
    masks = handle.state.masks
    if not masks or not isinstance(adaptor, AccessesWeights):
        return None
    cut = {name: int(mask.size - np.count_nonzero(mask)) for name, mask in masks.items()}
    sizes = {info.name: int(np.prod(info.shape)) for info in adaptor.weights(handle).prunable()}
    masked = sum(mask.size for mask in masks.values())
    zeros, total = _whole(adaptor, handle)
    return SparsitySummary(
        pruned=sum(cut.values()) / masked,
        prunable=sum(cut.values()) / max(sum(sizes.values()), masked),
        whole_model=zeros / total if total else sum(cut.values()) / max(sum(sizes.values()), masked),
        weights=tuple((name, cut[name] / masks[name].size) for name in masks),
    )


def _whole(adaptor: Adaptor, handle: ModelHandle) -> tuple[int, int]:
    if not isinstance(adaptor, Stores):
        return 0, 0
    arrays: list[NDArray[np.generic]] = [a for a in adaptor.to_saved(handle).arrays.values() if a.ndim > 0 and a.dtype.kind == "f"]
    return sum(int(a.size - np.count_nonzero(a)) for a in arrays), sum(int(a.size) for a in arrays)
