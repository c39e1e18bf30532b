"""Give every node a name of its own that depends on nothing but the model."""

from __future__ import annotations

from onnx import ModelProto

from inc_adaptors.onnxrt.tensors import header, unique, without_initializers


def name_nodes(model: ModelProto) -> ModelProto:
    """The model itself where each node has a name of its own, else a copy with names like ``Conv_3`` (3 is the node's position).

    The copy shares no node with the model; its initializers are copies of the messages.
    """
    names = [node.name for node in model.graph.node]
    if all(names) and len(set(names)) == len(names):
        return model
    made = header(model)
    made.graph.CopyFrom(without_initializers(model.graph))
    made.graph.initializer.extend(model.graph.initializer)
    taken = {name for name in names if name}
    seen: set[str] = set()
    for index, node in enumerate(made.graph.node):
        if not node.name:
            node.name = unique(f"{node.op_type}_{index}", taken)
        elif node.name in seen:
            node.name = unique(node.name, taken)
        seen.add(node.name)
    return made
