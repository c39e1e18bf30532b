"""Remove nodes that pass their input on unchanged."""

from __future__ import annotations

from onnx import NodeProto

from inc_adaptors.onnxrt.graph import Graph, scalar


def remove_identities(graph: Graph) -> None:
    """Drop Identity and inference-mode Dropout; exporters share weights through Identity, and an int8 chain breaks at one."""
    renames: dict[str, str] = {}
    kept: list[NodeProto] = []
    for node in graph.nodes:
        if _passes_on(graph, node) and node.output[0] not in graph.pinned and not any(node.output[1:]):
            renames[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    graph.nodes[:] = kept
    graph.replace_reads(renames)


def _passes_on(graph: Graph, node: NodeProto) -> bool:
    if node.domain not in ("", "ai.onnx"):
        return False
    if node.op_type == "Identity":
        return True
    training = graph.constant(node.input[2]) if node.op_type == "Dropout" and len(node.input) > 2 and node.input[2] else None
    has_training_input = len(node.input) > 2 and bool(node.input[2])
    return node.op_type == "Dropout" and (not has_training_input or scalar(training) == 0.0)
