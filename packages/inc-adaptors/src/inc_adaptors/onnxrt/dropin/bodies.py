"""Quantize what hangs on If, Loop and Scan: each body as a model of its own that is put back in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import attrs
from onnx import GraphProto, ModelProto, TensorProto, helper

from inc_adaptors.onnxrt.graph import take_apart
from inc_adaptors.onnxrt.shapes import TensorType, infer
from inc_adaptors.onnxrt.tensors import header, subgraphs

Quantize = Callable[[ModelProto], ModelProto | None]
"""Makes the quantized form of a model, or None where it has nothing to quantize."""


@attrs.frozen(kw_only=True, eq=False)
class _Scope:
    """What a body sees from outside."""

    types: Mapping[str, TensorType]
    constants: Mapping[str, TensorProto]


def quantize_bodies(model: ModelProto, types: Mapping[str, TensorType], quantize: Quantize) -> int:
    """Replace the bodies of a model in place, innermost included; returns how many changed.

    ``types`` are those of the main graph's tensors. Weights outside that nobody reads any more are dropped.
    """
    scope = _Scope(types=types, constants={tensor.name: tensor for tensor in model.graph.initializer})
    changed = _in_graph(header(model), model.graph, scope, quantize, "")
    if changed:
        read = set(_reads(model.graph))
        kept = [tensor for tensor in model.graph.initializer if tensor.name in read]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)
    return changed


def _in_graph(head: ModelProto, graph: GraphProto, scope: _Scope, quantize: Quantize, path: str) -> int:
    changed = 0
    for index, node in enumerate(graph.node):
        for label, body in subgraphs(node):
            changed += _body(head, body, scope, quantize, f"{path}{node.name or f'{node.op_type}_{index}'}/{label}/")
    return changed


def _body(head: ModelProto, body: GraphProto, scope: _Scope, quantize: Quantize, path: str) -> int:
    seen = _standing_alone(head, body, scope)
    inner = _Scope(
        types={**scope.types, **infer(take_apart(seen))},
        constants={**scope.constants, **{tensor.name: tensor for tensor in body.initializer}},
    )
    made = quantize(seen)
    if made is not None:
        _put_back(body, made.graph, seen.graph, path)
    return int(made is not None) + _in_graph(head, body, inner, quantize, path)


def _standing_alone(head: ModelProto, body: GraphProto, scope: _Scope) -> ModelProto:
    """The body as a model: what it reads from outside are constants where they are known, else inputs."""
    made = ModelProto()
    made.CopyFrom(head)
    made.graph.CopyFrom(body)
    own = {value.name for value in body.input} | {tensor.name for tensor in body.initializer}
    own.update(name for node in body.node for name in node.output)
    for name in sorted(set(_reads(body)) - own):
        if name in scope.constants:
            made.graph.initializer.append(scope.constants[name])
        elif name in scope.types:
            kind = scope.types[name]
            made.graph.input.append(helper.make_tensor_value_info(name, kind.elem_type, kind.shape))
    return made


def _put_back(body: GraphProto, made: GraphProto, seen: GraphProto, path: str) -> None:
    """Take over nodes and new constants; new names start with the body's path, so that none stands in two graphs."""
    outside = {tensor.name for tensor in seen.initializer} - {tensor.name for tensor in body.initializer}
    known = {value.name for value in (*seen.input, *seen.output)} | {tensor.name for tensor in seen.initializer}
    known.update(name for node in seen.node for name in (*node.input, *node.output))
    labels = {node.name for node in seen.node}

    def renamed(name: str) -> str:
        return name if not name or name in known else path + name

    del body.node[:]
    for node in made.node:
        placed = body.node.add()
        placed.CopyFrom(node)
        placed.name = node.name if node.name in labels else path + node.name
        placed.input[:] = [renamed(name) for name in node.input]
        placed.output[:] = [renamed(name) for name in node.output]
    del body.initializer[:]
    for tensor in made.initializer:
        if tensor.name not in outside:
            placed_tensor = body.initializer.add()
            placed_tensor.CopyFrom(tensor)
            placed_tensor.name = renamed(tensor.name)


def _reads(graph: GraphProto) -> Iterator[str]:
    """Names that a graph's nodes, those inside them, and its outputs read."""
    yield from (value.name for value in graph.output)
    for node in graph.node:
        yield from (name for name in node.input if name)
        for _, inner in subgraphs(node):
            yield from _reads(inner)
