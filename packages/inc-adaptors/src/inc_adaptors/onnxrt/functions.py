"""Write the functions of a model out into its graph: plans, kernels and other runtimes know operators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from onnx import FunctionProto, ModelProto, NodeProto, inliner

from inc_adaptors.onnxrt.kinds import CONTRIB_DOMAIN
from inc_adaptors.onnxrt.tensors import header, subgraphs, without_initializers

MOST_NODES = 100_000
"""Functions that call functions can stand for more nodes than any memory holds; beyond this they stay calls."""

_Name = tuple[str, str, str]


def inline_functions(model: ModelProto) -> None:
    """Replace calls of the model's own functions by their bodies, in place; initializers are not touched.

    Functions with the names of onnxruntime's own operators stay calls, since it has kernels for them; so do those that need another
    operator set than the model's, and all of them where they would make more than ``MOST_NODES`` nodes.
    """
    bodies = {_name(function): function for function in model.functions if function.domain != CONTRIB_DOMAIN}
    if not bodies or _nodes_when_inlined(model.graph.node, bodies) > MOST_NODES:
        return
    skeleton = header(model)
    skeleton.graph.CopyFrom(without_initializers(model.graph))
    try:
        made = inliner.inline_selected_functions(skeleton, [(domain, name) for domain, name, _ in bodies], exclude=False)
    except RuntimeError:
        return
    for field in ("node", "value_info"):
        del getattr(model.graph, field)[:]
        getattr(model.graph, field).extend(getattr(made.graph, field))
    for field in ("functions", "opset_import"):
        del getattr(model, field)[:]
        getattr(model, field).extend(getattr(made, field))


def _nodes_when_inlined(nodes: Iterable[NodeProto], bodies: Mapping[_Name, FunctionProto]) -> int:
    """Nodes of a graph with every call written out; functions do not call themselves, which the check of the model has seen to."""
    calls = {name: [_callee(node) for node in _all_nodes(function.node)] for name, function in bodies.items()}
    sizes: dict[_Name, int] = {}
    pending = list(bodies)
    while pending:
        unknown = [callee for callee in calls[pending[-1]] if callee in bodies and callee not in sizes]
        if unknown:
            pending.append(unknown[0])
        else:
            name = pending.pop()
            sizes[name] = sum(sizes.get(callee, 1) for callee in calls[name])
    return sum(sizes.get(_callee(node), 1) for node in _all_nodes(nodes))


def _all_nodes(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    for node in nodes:
        yield node
        for _, graph in subgraphs(node):
            yield from _all_nodes(graph.node)


def _name(function: FunctionProto) -> _Name:
    return function.domain, function.name, function.overload


def _callee(node: NodeProto) -> _Name:
    return node.domain, node.op_type, node.overload
