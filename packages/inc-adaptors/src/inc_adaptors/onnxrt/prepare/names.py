"""Give every node a name of its own that depends on nothing but the model."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import NodeProto

from inc_adaptors.onnxrt.tensors import unique


def name_nodes(nodes: Sequence[NodeProto]) -> None:
    """Name nodes that have none, or another's, in place: ``Conv_3`` where 3 is the node's position."""
    taken = {node.name for node in nodes if node.name}
    seen: set[str] = set()
    for index, node in enumerate(nodes):
        if not node.name:
            node.name = unique(f"{node.op_type}_{index}", taken)
        elif node.name in seen:
            node.name = unique(node.name, taken)
        seen.add(node.name)
