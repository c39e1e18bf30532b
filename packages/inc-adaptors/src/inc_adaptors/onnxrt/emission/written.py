"""A plan written as nodes, before they become a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from onnx import NodeProto, TensorProto

from inc_adaptors.onnxrt.emission.skeleton import Skeleton
from inc_adaptors.qparams import QParams


@attrs.frozen(kw_only=True, eq=False)
class Written:
    """The nodes and initializers of one emission.

    ``reads`` maps a tensor of the skeleton's graph that is written as codes to the tensor its readers take instead; ``qparams`` are what
    was used, and ``notes`` are for the model's user.
    """

    skeleton: Skeleton
    nodes: Sequence[NodeProto]
    initializers: Mapping[str, TensorProto]
    reads: Mapping[str, str]
    qparams: Mapping[str, QParams]
    notes: tuple[str, ...]
