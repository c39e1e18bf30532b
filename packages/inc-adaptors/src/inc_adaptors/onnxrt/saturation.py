"""What int16 pair overflow would do to a U8S8 model on a processor without VNNI, found on any processor.

Operators at risk by their weights are told by arithmetic: two codes of 255 under neighbouring weights whose sum passes 128 leave 16 bits.
What that costs depends on how often large codes are neighbours, so the codes of a few samples are put through the clipped arithmetic and
the difference is added to the model's own tensors: of all operators in one more run, and of each alone, since what an operator loses says
little about what of it arrives at the outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from inc_config.errors import DataError
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from inc_adaptors.kernels.pairs import pair_overflow
from inc_adaptors.onnxrt.coded import CodedOperator, coded_operators, from_rows, rows_of
from inc_adaptors.onnxrt.graph import attribute
from inc_adaptors.onnxrt.taps import Taps

Array = NDArray[Any]
Feed = Mapping[str, Array]

_LARGEST_CODE = 255
_INT16_MAX = 32767


@attrs.frozen(kw_only=True)
class OperatorSaturation:
    """One operator at risk.

    ``pairs`` is the share of weight pairs that could overflow under full codes; ``clipped`` how many pairs did, per output value;
    ``noise`` the power of what clipping lost over the power of the operator's output (0: nothing on these samples); ``arriving`` the same
    at the model's outputs, when this operator alone clips.
    """

    name: str
    pairs: float
    clipped: float
    noise: float
    arriving: float


@attrs.frozen(kw_only=True)
class Saturation:
    """A model's risk: operators by ``arriving``, largest first, and per output the SQNR in dB against the float model's, without and with
    clipping."""

    operators: tuple[OperatorSaturation, ...]
    exact_db: tuple[float, ...]
    clipped_db: tuple[float, ...]

    @property
    def loss_db(self) -> tuple[float, ...]:
        """SQNR that clipping costs each output; 0.0 where nothing was clipped."""
        return tuple(0.0 if a == b else a - b for a, b in zip(self.exact_db, self.clipped_db, strict=True))


def pairs_at_risk(operator: CodedOperator) -> float:
    """Share of an operator's weight pairs that overflow under codes of 255; 0.0 for one input channel per group, which makes no pairs."""
    node = operator.node
    axis = 1 if node.op_type == "Conv" or (node.op_type == "Gemm" and attribute(node, "transB", 0)) else 0
    wide = np.moveaxis(operator.weights, axis, 0).astype(np.int32)
    whole = len(wide) // 2 * 2
    if not whole:
        return 0.0
    sums = (wide[0:whole:2] + wide[1:whole:2]) * _LARGEST_CODE  # of unlike signs, one product alone is larger, and fits
    return float(np.mean((sums > _INT16_MAX) | (sums < -_INT16_MAX - 1)))


def saturation(model: ModelProto, feeds: Iterable[Feed], references: Iterable[Sequence[Array]]) -> Saturation:
    """Predict what clipping does to a QDQ model.

    Args:
        model: the quantized model.
        feeds: batches of inputs by name.
        references: per batch the float model's outputs, in the model's order.

    Raises:
        DataError: there is not a single batch.
        ModelError: onnxruntime cannot run the model.
    """
    risks = [(operator, pairs_at_risk(operator)) for operator in coded_operators(model)]
    risky = [operator for operator, share in risks if share > 0.0]
    shares = [share for _, share in risks if share > 0.0]
    ends = [operator.node.output[0] for operator in risky]
    read = {operator.source: int(TensorProto.UINT8) for operator in risky} | dict.fromkeys(ends, int(TensorProto.FLOAT))
    clean, clipped = Taps(model, read), Taps(model, {}, added=ends)
    sums = _Sums(len(risky), len(clean.outputs))
    arriving: list[float] | None = None
    for feed, reference in zip(feeds, references, strict=True):
        made = clean.run(feed)
        added = {}
        for index, operator in enumerate(risky):
            end = operator.node.output[0]
            added[end], count = _lost(operator, made[operator.source])
            sums.operator(index, added[end], made[end], count)
        end_made = clipped.run(feed, added)
        if arriving is None:
            arriving = _arriving(clipped, feed, made, added, ends)
        for index, name in enumerate(clean.outputs):
            sums.output(index, reference[index], made[name], end_made[name])
    if arriving is None:
        raise DataError("There is not a single batch to predict saturation on.", where="batches", fix="give at least one batch of inputs")
    rows = tuple(
        OperatorSaturation(name=operator.name, pairs=shares[i], clipped=sums.clipped[i], noise=sums.noise[i], arriving=arriving[i])
        for i, operator in enumerate(risky)
    )
    order = sorted(range(len(rows)), key=lambda i: -rows[i].arriving)
    exact, with_clipping = sums.decibels()
    return Saturation(operators=tuple(rows[i] for i in order), exact_db=exact, clipped_db=with_clipping)


def _arriving(clipped: Taps, feed: Feed, clean: Feed, added: Mapping[str, Array], ends: Sequence[str]) -> list[float]:
    """Noise at the outputs, over their power, when one operator alone clips: of one batch, which is enough to rank them."""
    wanted = [clean[name] for name in clipped.outputs]

    def alone(end: str) -> list[Array]:
        made = clipped.run(feed, {name: lost if name == end else np.zeros_like(lost) for name, lost in added.items()})
        return [made[name] for name in clipped.outputs]

    return [_share(wanted, alone(end)) if added[end].any() else 0.0 for end in ends]


def _share(wanted: Sequence[Array], made: Sequence[Array]) -> float:
    """Noise over signal, outputs counting alike."""
    powers = [(_power(np.asarray(b, np.float64) - a), _power(a)) for a, b in zip(wanted, made, strict=True)]
    return sum(noise / power for noise, power in powers if power > 0.0)


def _lost(operator: CodedOperator, codes: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
    parts = [pair_overflow(rows, weights) for rows, weights in rows_of(operator, codes)]
    return from_rows(operator, codes, [lost for lost, _ in parts]), sum(count for _, count in parts)


class _Sums:
    """Powers over all batches."""

    def __init__(self, operators: int, outputs: int) -> None:
        self.batches = 0
        self._lost, self._signal, self._count, self._values = (np.zeros(operators) for _ in range(4))
        self._reference, self._exact, self._clipped = (np.zeros(outputs) for _ in range(3))

    def operator(self, index: int, lost: Array, output: Array, count: int) -> None:
        """Take in one operator's batch."""
        self._lost[index] += _power(lost)
        self._signal[index] += _power(output)
        self._count[index] += count
        self._values[index] += output.size

    def output(self, index: int, reference: Array, exact: Array, clipped: Array) -> None:
        """Take in one output's batch."""
        self.batches += 1
        wanted = np.asarray(reference, np.float64)
        self._reference[index] += _power(wanted)
        self._exact[index] += _power(wanted - exact)
        self._clipped[index] += _power(wanted - clipped)

    @property
    def noise(self) -> list[float]:
        """Lost power over output power."""
        return [float(v) for v in np.divide(self._lost, self._signal, out=np.zeros_like(self._lost), where=self._signal > 0)]

    @property
    def clipped(self) -> list[float]:
        """Clipped pairs per output value."""
        return [float(v) for v in np.divide(self._count, self._values, out=np.zeros_like(self._count), where=self._values > 0)]

    def decibels(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """SQNR per output, exact and clipped."""
        with np.errstate(divide="ignore"):
            exact, clipped = (10.0 * np.log10(self._reference / noise) for noise in (self._exact, self._clipped))
        return tuple(map(float, exact)), tuple(map(float, clipped))


def _power(values: Array) -> float:
    return float(np.square(np.asarray(values, np.float64)).sum())
