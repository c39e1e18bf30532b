"""What is done to the nodes of a QDQ graph as a whole, after every operator is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs
from inc_config.errors import PlanError
from inc_config.plan import QuantizationPlan
from inc_config.quantization import GraphFormat
from inc_config.target import Runtime
from onnx import ModelProto, NodeProto, TensorProto, helper

from inc_adaptors.onnxrt.emission.dedicated import dedicate_pairs
from inc_adaptors.onnxrt.emission.manner import LITERAL
from inc_adaptors.onnxrt.emission.names import Names
from inc_adaptors.onnxrt.emission.qdq import Qdq, without_unread
from inc_adaptors.onnxrt.emission.qoperator import CONTRIB, Integers, is_undropped, is_undropped_type, to_integer_operators
from inc_adaptors.onnxrt.emission.reductions import set_apart
from inc_adaptors.onnxrt.emission.strip import strip_activations
from inc_adaptors.onnxrt.emission.unfused import keep_float
from inc_adaptors.onnxrt.emission.weightpairs import pair_weights
from inc_adaptors.onnxrt.graph import Graph

GRAPH_FORMAT = "graph_format"
DEDICATED = "dedicated_qdq_pair"
WEIGHT_PAIRS = "weight_qdq_pair"


@attrs.frozen(kw_only=True, eq=False)
class Finished:
    """The nodes and initializers of the model, and notes for its user."""

    nodes: Sequence[NodeProto]
    initializers: Mapping[str, TensorProto]
    notes: tuple[str, ...] = ()


def check_format(plan: QuantizationPlan) -> None:
    """Refuse a format that does not exist, or that the target cannot read.

    Raises:
        PlanError: with both sides.
    """
    wish = plan.recipes.get(GRAPH_FORMAT, GraphFormat.QDQ.value)
    if wish not in (GraphFormat.QDQ.value, GraphFormat.QOPERATOR.value):
        raise PlanError(f"Unknown format {wish!r:.100}.", where=f"recipe {GRAPH_FORMAT}", fix="give qdq or qoperator")
    if wish == GraphFormat.QOPERATOR.value and plan.target.runtime is not Runtime.ONNXRUNTIME:
        raise PlanError(
            f"The runtime {plan.target.runtime.value} reads Q/DQ pairs: integer operators are onnxruntime's own.",
            where=f"recipe {GRAPH_FORMAT}",
            fix="use the format qdq",
        )


def finish(
    nodes: Sequence[NodeProto], initializers: Mapping[str, TensorProto], graph: Graph, names: Names, plan: QuantizationPlan, *, final: bool
) -> Finished:
    """Set reductions apart, strip activations, give readers pairs of their own, write integer operators: as target and recipes say.

    QOperator form always strips: there is no activation between an integer operator and its codes. No other emission shares these nodes.
    """
    in_operators = plan.recipes.get(GRAPH_FORMAT) == GraphFormat.QOPERATOR.value
    if not plan.recipes.get(LITERAL):
        nodes = without_unread(nodes, graph.pinned)
    if plan.target.runtime is Runtime.ONNXRUNTIME and not plan.recipes.get(LITERAL):
        nodes, initializers = keep_float(nodes, initializers, graph.pinned, names)
    if plan.target.runtime is Runtime.OPENVINO and not plan.recipes.get(LITERAL):
        nodes, initializers = set_apart(nodes, initializers, names, opset=graph.opset)
    if final or in_operators:
        nodes = strip_activations(nodes, initializers, graph.pinned)
    if not in_operators and plan.recipes.get(WEIGHT_PAIRS):
        nodes, initializers = pair_weights(nodes, initializers, graph, names)
    if not in_operators and plan.recipes.get(DEDICATED):
        nodes = dedicate_pairs(nodes, initializers, graph.pinned, names)
    chosen = None if in_operators else is_undropped_type if plan.recipes.get(LITERAL) else is_undropped
    if chosen is not None and not (
        plan.target.runtime is Runtime.ONNXRUNTIME and _any(nodes, Qdq(nodes, initializers, graph.pinned), chosen)
    ):
        return Finished(nodes=nodes, initializers=initializers)
    made = to_integer_operators(nodes, initializers, graph.pinned, names, opset=graph.opset, chosen=chosen)
    return Finished(nodes=made.nodes, initializers=made.initializers, notes=tuple(_notes(made, plan)) if in_operators else ())


def _any(nodes: Sequence[NodeProto], graph: Qdq, chosen: Callable[[NodeProto, Qdq], bool]) -> bool:
    return any(chosen(node, graph) for node in nodes)


def _notes(made: Integers, plan: QuantizationPlan) -> Iterator[str]:
    yield f"{made.converted} integer operators instead of Q/DQ pairs"
    if made.kept:
        yield f"with Q/DQ pairs, because not all they read and write is 8-bit codes: {', '.join(made.kept[:8])}"
    for recipe in (DEDICATED, WEIGHT_PAIRS):
        if plan.recipes.get(recipe):
            yield f"{recipe} means nothing to integer operators"


def import_contrib(model: ModelProto) -> ModelProto:
    """Import onnxruntime's own operators where a node is one."""
    known = {entry.domain for entry in model.opset_import}
    if CONTRIB not in known and any(node.domain == CONTRIB for node in model.graph.node):
        model.opset_import.append(helper.make_opsetid(CONTRIB, 1))
    return model
