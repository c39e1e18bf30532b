"""One operator of a graph, as plans see it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from inc_config.capabilities import Reason
from inc_config.plan import OpId
from inc_config.target import Runtime

from inc_adaptors.onnxrt.kinds import Kind


@attrs.frozen(kw_only=True)
class Operator:
    """One operator: a node, and the Relu or Clip fused behind it.

    ``inputs`` maps the node's input positions to the activations (or constant operands) that carry Q/DQ; those of a product of two
    activations are as their projections made them (see ``crossing``). ``outputs`` are the tensors after the activation. ``weight`` and
    ``bias`` name initializers, ``channel_axis`` the weight's axis of output channels, ``tables`` further constants that are quantized
    like it. ``member_names`` are the native nodes it stands for.
    """

    op: OpId
    kind: Kind
    node: int
    activation: int | None = None
    inputs: Mapping[int, str] = attrs.field(factory=dict)
    outputs: tuple[str, ...] = ()
    weight: str | None = None
    bias: str | None = None
    channel_axis: int | None = None
    tables: tuple[str, ...] = ()
    member_names: tuple[str, ...] = ()
    reason: Reason | None = None

    def can_return_float(self, runtime: Runtime) -> bool:
        """Whether the integer kernel may write float32: that of a product can, in onnxruntime that of a convolution cannot."""
        if self.kind is Kind.WEIGHTED:
            return self.op.type != "Conv" or runtime is not Runtime.ONNXRUNTIME
        return self.kind in (Kind.OWN, Kind.READING, Kind.CROSSING)
