"""Take back what rounding a weight adds to an operator's mean output: ``bias += E[x] * (W - W_quantized)``, per output channel.

The means of the inputs' channels are gathered with the ranges, so no plan needs another pass over data. Zero padding at the borders of a
convolution is not seen, and neither is what clipping does to the inputs.

Source:
    Nagel et al., arXiv:1906.04721, section 4.2 (empirical input means in place of those of batch normalization).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from inc_config.errors import CalibrationError
from inc_config.plan import OpId, TensorKey, TensorPlan
from numpy.typing import NDArray
from onnx import TensorProto

from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.graph import Graph, attribute
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.onnxrt.tensors import float_tensor
from inc_adaptors.qparams import QParams, dequantize, quantize
from inc_adaptors.statistics.means import ChannelMeanStatistic
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics

RECIPE = "fast_bias_correction"
_CHANNELS_SECOND = ("Conv",)

Vector = NDArray[np.float64]


def means_spec(op: OpId) -> StatisticSpec:
    """What correction needs of an operator's input."""
    return StatisticSpec("channel_mean", {"axis": 1 if op.type in _CHANNELS_SECOND else -1})


class Correction:
    """Shifts of outputs by operator, each found once for every scale of its weight.

    ``divisors`` are what SmoothQuant divided an operator's input channels by.
    """

    def __init__(self, graph: Graph, statistics: Statistics, names: Names, divisors: Mapping[OpId, Vector]) -> None:
        self._graph = graph
        self._statistics = statistics
        self._names = names
        self._divisors = divisors
        self._shifts: dict[tuple[OpId, TensorPlan, bytes], Vector] = {}

    def shift(self, operator: Operator, plan: TensorPlan, qparams: QParams, codes_of: QParams) -> Vector:
        """What the output's channels lose on average, shape (outside,).

        Args:
            operator: a weighted one.
            plan: of its weight.
            qparams: by which the codes are read.
            codes_of: by which they were made.

        Raises:
            CalibrationError: the means of the input's channels were not gathered.
        """
        key = (operator.op, plan, qparams.scale.tobytes())
        if key not in self._shifts:
            weight = np.asarray(self._graph.constant(operator.weight or ""), np.float32)
            codes = quantize(weight, codes_of, plan.dtype, plan.granularity)
            lost = weight.astype(np.float64) - dequantize(codes, qparams, plan.granularity)
            self._shifts[key] = self._summed(operator, lost, self._means(operator))
        return self._shifts[key]

    def shifted(self, name: str, shift: Vector) -> TensorProto:
        """A float constant with ``shift`` added, under a name of its own; an empty ``name`` is zero."""
        values = np.asarray(self._graph.constant(name), np.float64) if name else np.zeros(shift.shape)
        return float_tensor(self._names.of(f"{name or 'bias'}_corrected", shift.tobytes()), values + shift.reshape(values.shape))

    def _means(self, operator: Operator) -> Vector:
        found = self._statistics.values.get(TensorKey(operator.op, "input:0"), {}).get(means_spec(operator.op))
        if not isinstance(found, ChannelMeanStatistic):
            raise CalibrationError(
                "Bias correction needs the mean of every input channel, which was not gathered.",
                where=f"{operator.op}/input:0",
                fix="calibrate again with this plan among those given to wanted()",
            )
        return np.asarray(found.mean / self._divisors.get(operator.op, np.ones(1)))

    def _summed(self, operator: Operator, lost: Vector, means: Vector) -> Vector:
        """``means`` (inside,) times the lost part of the weight, summed for each output channel."""
        if operator.op.type not in _CHANNELS_SECOND:
            return np.asarray(lost @ means if operator.channel_axis == 0 else means @ lost)
        groups = attribute(self._graph.nodes[operator.node], "group", 1)
        per_input = lost.reshape(groups, lost.shape[0] // groups, lost.shape[1], -1).sum(axis=-1)
        return np.asarray(np.einsum("goi,gi->go", per_input, means.reshape(groups, -1)).reshape(-1))
