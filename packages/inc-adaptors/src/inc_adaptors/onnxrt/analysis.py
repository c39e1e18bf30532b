"""Everything derived from one float model: its prepared graph, types and operators."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from inc_config.errors import ModelError
from onnx import ModelProto

from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import QUANTIZED_TYPES
from inc_adaptors.onnxrt.operators import Operator, operators
from inc_adaptors.onnxrt.prepare.model import prepare
from inc_adaptors.onnxrt.shapes import TensorType, infer


@attrs.frozen(kw_only=True, eq=False)
class Analysis:
    """The prepared graph, the types of its tensors (one sample per batch) and its operators."""

    graph: Graph
    types: Mapping[str, TensorType]
    operators: tuple[Operator, ...]
    layout: Layout


def analyse(model: ModelProto) -> Analysis:
    """Prepare and read a float model.

    Raises:
        ModelError: the model is quantized already, or cannot be prepared.
    """
    check_float(model)
    graph = prepare(model)
    types = infer(graph)
    found = operators(graph, types)
    return Analysis(graph=graph, types=types, operators=found, layout=Layout.of(found, types))


def check_float(model: ModelProto) -> None:
    """Refuse a model with quantized operators.

    Raises:
        ModelError: it has some.
    """
    done = sorted({node.op_type for node in model.graph.node} & QUANTIZED_TYPES)
    if done:
        raise ModelError(
            f"The model is quantized already: it has {', '.join(done)}.",
            where="operators of the model",
            fix="give the float model it was made from",
        )
