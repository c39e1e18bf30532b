"""Nodes in the order that the standard asks for: onnxruntime runs any order, and its own converter to fp16 leaves another one."""

from __future__ import annotations

from collections.abc import Iterator

from onnx import GraphProto, ModelProto, NodeProto

from inc_adaptors.onnxrt.tensors import subgraphs


def sort_nodes(model: ModelProto) -> None:
    """Put the main graph's nodes behind those that they read from, in place, otherwise in their order; a cycle stays as it is."""
    graph = model.graph
    if _is_sorted(graph):
        return
    makers = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    needs = [{makers[name] for name in _reads(node) if name in makers} for node in graph.node]
    order: list[int] = []
    placed: set[int] = set()
    open_: set[int] = set()
    for start in range(len(graph.node)):
        waiting = [start]
        while waiting:
            index = waiting[-1]
            ahead = sorted(needs[index] - placed, reverse=True)
            if index in placed or not ahead:
                waiting.pop()
                open_.discard(index)
                if index not in placed:
                    placed.add(index)
                    order.append(index)
            elif index in open_:
                return  # what it needs needs it
            else:
                open_.add(index)
                waiting += ahead
    nodes = [NodeProto.FromString(graph.node[index].SerializeToString()) for index in order]
    del graph.node[:]
    graph.node.extend(nodes)


def _is_sorted(graph: GraphProto) -> bool:
    later = {name for node in graph.node for name in node.output if name}
    for node in graph.node:
        if any(name in later for name in _reads(node)):
            return False
        later.difference_update(node.output)
    return True


def _reads(node: NodeProto) -> Iterator[str]:
    yield from node.input
    for _, inner in subgraphs(node):
        for each in inner.node:
            yield from _reads(each)
        yield from (value.name for value in inner.output)
