"""The noise of every quantized operator, alone and with everything before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper

from inc_adaptors.onnxrt.diagnosis.pairing import Pair
from inc_adaptors.onnxrt.taps import Taps
from inc_adaptors.onnxrt.tensors import header
from inc_adaptors.parity import decibels

Array = NDArray[Any]
Feed = Mapping[str, Array]
Noise = dict[str, float]

_AT_ONCE = 16
"""Operators whose tensors are held together."""


def noise(reference: ModelProto, quantized: ModelProto, both: Sequence[Pair], feeds: Sequence[Feed]) -> tuple[Noise, Noise]:
    """SQNR in dB of every operator's output: alone, when its inputs are exact but for its own rounding of them, and in the quantized model.

    An operator that cannot be compared, as its result has another shape or is no float, is in neither.
    """
    alone, together = (_Sums() for _ in range(2))
    for part in _parts(both):
        exact = Taps(reference, _asked({name for pair in part for name in (pair.exact_result, *pair.sources.values())}, reference))
        coded = Taps(quantized, dict.fromkeys((pair.result for pair in part), int(TensorProto.UNDEFINED)))
        branches: Taps | None = None
        for feed in feeds:
            wanted = {**feed, **exact.run(feed)}
            made = coded.run(feed)
            given = {source: wanted[name] for pair in part for source, name in pair.sources.items()}
            if branches is None:
                branches = Taps(_branches(quantized, part, given), {})
            own = branches.run({name: given[name] for name in given})
            for pair in part:
                together.update(pair.name, wanted[pair.exact_result], made[pair.result])
                alone.update(pair.name, wanted[pair.exact_result], own[_alone(pair)])
    return alone.decibels(), together.decibels()


class _Sums:
    """Signal and noise by operator."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}

    def update(self, name: str, exact: Array, other: Array) -> None:
        """Take in one batch of one operator."""
        if exact.shape == other.shape and np.issubdtype(exact.dtype, np.floating):
            x, y = exact.astype(np.float64), other.astype(np.float64)
            with np.errstate(invalid="ignore"):
                difference = np.where(x == y, 0.0, x - y)  # masks at minus infinity are equal
            sums = self._sums.setdefault(name, [0.0, 0.0])
            sums[0] += float(np.square(x[np.isfinite(x)]).sum())
            sums[1] += float(np.nan_to_num(np.square(difference), nan=np.inf).sum())

    def decibels(self) -> Noise:
        """SQNR by operator."""
        return {name: decibels(signal, error) for name, (signal, error) in self._sums.items() if signal or error}


def _parts(both: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    for start in range(0, len(both), _AT_ONCE):
        yield both[start : start + _AT_ONCE]


def _asked(names: set[str], model: ModelProto) -> dict[str, int]:
    """Of these tensors, those that the model's nodes make: inputs are known."""
    made = {name for node in model.graph.node for name in node.output}
    return dict.fromkeys(sorted(names & made), int(TensorProto.UNDEFINED))


def _alone(pair: Pair) -> str:
    return f"alone/{pair.name}/{pair.result}"


def _branches(quantized: ModelProto, part: Sequence[Pair], given: Mapping[str, Array]) -> ModelProto:
    """A model of copies of the quantized operators, each by itself, whose inputs are the tensors ``given``."""
    made = header(quantized)
    read: set[str] = set()
    for pair in part:
        for node in pair.part:
            read.update(node.input)
            made.graph.node.append(_relabelled(node, pair))
        made.graph.output.add(name=_alone(pair))
    made.graph.input.extend(
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), [None] * array.ndim)
        for name, array in given.items()
    )
    made.graph.initializer.extend(tensor for tensor in quantized.graph.initializer if tensor.name in read and tensor.name not in given)
    made.graph.name = "alone"
    return made


def _relabelled(node: NodeProto, pair: Pair) -> NodeProto:
    """A copy whose tensors are the pair's own, but for its sources and initializers."""
    own = {name for other in pair.part for name in other.output}
    made = NodeProto()
    made.CopyFrom(node)
    made.name = f"alone/{pair.name}/{node.name}"
    made.input[:] = [f"alone/{pair.name}/{name}" if name in own and name not in pair.sources else name for name in node.input]
    made.output[:] = [f"alone/{pair.name}/{name}" if name else "" for name in node.output]
    return made
