"""Find the first tensor in which two models of one graph differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto

from inc_adaptors.onnxrt.taps import Taps
from inc_adaptors.parity import Divergence, sqnr_db

Array = NDArray[Any]


def first_divergence(reference: ModelProto, other: ModelProto, feed: Mapping[str, Array], *, least_db: float) -> Divergence | None:
    """Bisect the tensors that both models have by name; None where the last of them is above ``least_db`` too.

    It takes about log2 of their number runs and holds one tensor at a time. Noise is taken to stay once it is there.

    Raises:
        ModelError: onnxruntime cannot run one of the models.
    """
    shared = _shared(reference, other)
    known: dict[int, float] = {}

    def measured(index: int) -> float:
        if index not in known:
            name = shared[index][0]
            known[index] = _sqnr(*(Taps(model, {name: TensorProto.UNDEFINED}).run(feed)[name] for model in (reference, other)))
        return known[index]

    if not shared or measured(len(shared) - 1) >= least_db:
        return None
    good, bad = -1, len(shared) - 1
    while bad - good > 1:
        middle = (good + bad) // 2
        if measured(middle) < least_db:
            bad = middle
        else:
            good = middle
    name, node = shared[bad]
    found = Divergence(tensor=name, operator=node.name or name, type=node.op_type, sqnr_db=measured(bad))
    return found if good < 0 else attrs.evolve(found, before=shared[good][0], before_db=measured(good))


def _shared(reference: ModelProto, other: ModelProto) -> Sequence[tuple[str, NodeProto]]:
    made = {name for node in other.graph.node for name in node.output if name}
    return [(name, node) for node in reference.graph.node for name in node.output if name in made and node.op_type != "Constant"]


def _sqnr(reference: Array, other: Array) -> float:
    if not np.issubdtype(reference.dtype, np.floating):
        return float("inf") if np.array_equal(reference, other) else float("-inf")
    return sqnr_db(reference, other)
