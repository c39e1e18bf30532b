"""Put one integer operator into the float graph that onnxruntime made of a model, and keep only what has to be computed anew.

onnxruntime fuses nodes and lays tensors out in blocks of channels, but what it leaves whole keeps its name, and a convolution in blocks is
called after the tensor it makes. That is enough to find where an operator of the model now is. One that cannot be found (its result went
into a larger fused node) is left to the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import attrs
from inc_config.plan import OpId
from onnx import ModelProto, NodeProto, TensorProto, helper

from inc_adaptors.onnxrt.emission.qoperator import to_integer_operators
from inc_adaptors.onnxrt.emission.strip import strip_activations
from inc_adaptors.onnxrt.emission.written import Written
from inc_adaptors.onnxrt.graph import Graph, attribute, reads_of
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operator import Operator

BLOCKED = "com.microsoft.nchwc"
_SUFFIX = "_nchwc"
_SUMMED = 3
"""Input of a convolution in blocks that is added to its result."""
_REORDERABLE = 4
"""Only whole multiples of so many channels can be put into blocks."""


@attrs.frozen(kw_only=True, eq=False)
class Segment:
    """The nodes that compute one operator on integers: they read tensors of the model and make ``results`` of it.

    ``types`` are those of the operator's float nodes; ``is_activated`` says that the last of them is an activation, and ``follower`` is
    the only node that reads the result, where it has one input. ``channels`` are those of a convolution's input and result, ``window`` its
    padding.
    """

    operator: Operator
    nodes: tuple[NodeProto, ...]
    initializers: Mapping[str, TensorProto]
    given: frozenset[str]
    results: frozenset[str]
    types: frozenset[str]
    before_activation: str
    is_activated: bool
    follower: NodeProto | None
    window: tuple[object, ...]
    channels: tuple[int, int] | None

    def with_follower(self) -> Segment | None:
        """The segment and the node behind it, which onnxruntime may have made one of."""
        if self.follower is None or self.is_activated:
            return None
        return attrs.evolve(
            self,
            nodes=(*self.nodes, self.follower),
            results=frozenset(self.follower.output),
            before_activation=self.follower.input[0],
            is_activated=True,
            follower=None,
        )


@attrs.frozen(kw_only=True, eq=False)
class Splice:
    """What has to run when one operator changes: ``nodes`` read ``reads`` of the float graph and make ``outputs`` of it."""

    nodes: tuple[NodeProto, ...]
    initializers: Mapping[str, TensorProto]
    reads: tuple[str, ...]
    outputs: tuple[str, ...]


@attrs.frozen(eq=False)
class Host:
    """A float graph that onnxruntime optimized."""

    model: ModelProto

    @cached_property
    def nodes(self) -> tuple[NodeProto, ...]:
        """In execution order."""
        return tuple(self.model.graph.node)

    @cached_property
    def initializers(self) -> Mapping[str, TensorProto]:
        """By name; the large ones lie in a file."""
        return {tensor.name: tensor for tensor in self.model.graph.initializer}

    @cached_property
    def inputs(self) -> frozenset[str]:
        """Names of the model's inputs."""
        return frozenset(value.name for value in self.model.graph.input) - frozenset(self.initializers)

    @cached_property
    def makers(self) -> Mapping[str, NodeProto]:
        """The node that makes each tensor."""
        return {name: node for node in self.nodes for name in node.output if name}

    @cached_property
    def reads(self) -> tuple[tuple[str, ...], ...]:
        """What each node reads."""
        return tuple(reads_of(node) for node in self.nodes)

    @cached_property
    def in_blocks(self) -> Mapping[str, NodeProto]:
        """Convolutions in blocked layout by the tensor they were named after."""
        return {
            node.name.removesuffix(_SUFFIX): node
            for node in self.nodes
            if node.domain == BLOCKED and node.op_type == "Conv" and node.name.endswith(_SUFFIX)
        }

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The model's outputs in their order."""
        return tuple(value.name for value in self.model.graph.output)

    def is_blocked(self, name: str) -> bool:
        """Whether a tensor lies in blocks of channels: made so, or element by element from one that does."""
        node = self.makers.get(name)
        while node is not None and node.domain != BLOCKED:
            node = self.makers.get(node.input[0]) if node.input else None
        return node is not None and node.op_type != "ReorderOutput"

    def has(self, names: Iterable[str]) -> bool:
        """Whether the graph still has all these tensors of the model."""
        return all(name in self.makers or name in self.inputs or name in self.initializers for name in names)


def segment_of(written: Written, op: OpId) -> Segment | None:
    """The part of an emission in Q/DQ pairs that computes ``op``, in integer operators, since nothing will fuse pairs into them.

    None where it reads what the model does not have, or becomes codes before the operator.
    """
    graph, operator = written.skeleton.graph, written.skeleton.layout.by_op[op]
    if operator.kind is Kind.CROSSING:
        return None
    node = graph.nodes[operator.node]
    own = [node] if operator.activation is None else [node, graph.nodes[operator.activation]]
    before = frozenset(node.output) - frozenset(operator.outputs)
    given = frozenset(name for each in own for name in each.input if name and name not in graph.initializers) - before
    results = {written.reads.get(name, name): name for name in operator.outputs if name}
    found = _backwards(written, results, given)
    if found is None:
        return None
    pinned = frozenset(results)
    plain = strip_activations(found, written.initializers, pinned)
    made = to_integer_operators(plain, written.initializers, pinned, written.skeleton.names, opset=graph.opset)
    read = {name for each in made.nodes for name in each.input}
    names = {**{name: f"{name}:exact" for source, name in results.items() if source != name}, **results}
    return Segment(
        operator=operator,
        nodes=tuple(_renamed(each, names) for each in made.nodes),
        initializers={name: tensor for name, tensor in made.initializers.items() if name in read},
        given=given,
        results=frozenset(results.values()),
        types=frozenset(each.op_type for each in own),
        before_activation=node.output[0],
        is_activated=operator.activation is not None,
        follower=_follower(graph, operator),
        window=_window(node),
        channels=_channels(node, graph.initializers.get(operator.weight or "")),
    )


def splice(host: Host, segment: Segment) -> Splice | None:
    """Put a segment where its operator is in the float graph; None where it is not to be found as itself."""
    for each in filter(None, (segment, segment.with_follower())):
        if all(_is_as_it_was(host.makers.get(name), each) for name in each.results) and host.has(each.given):
            return _suffix(host, each.nodes, each.initializers, each.results)
        blocked = _in_blocks(host, each)
        if blocked is not None:
            return _suffix(host, blocked[1], each.initializers, frozenset(blocked[0].output[:1]))
    return None


def _follower(graph: Graph, operator: Operator) -> NodeProto | None:
    if len(operator.outputs) != 1 or operator.outputs[0] in graph.pinned:
        return None
    readers = [node for node in graph.nodes if operator.outputs[0] in node.input]
    return readers[0] if len(readers) == 1 and list(readers[0].input) == [operator.outputs[0]] and len(readers[0].output) == 1 else None


def _backwards(written: Written, results: Iterable[str], given: frozenset[str]) -> list[NodeProto] | None:
    """The nodes between ``given`` and ``results``, in order."""
    makers = {name: place for place, node in enumerate(written.nodes) for name in node.output if name}
    places: set[int] = set()
    wanted = list(results)
    while wanted:
        name = wanted.pop()
        if name in given or not name or name in written.initializers:
            continue
        if name not in makers:
            return None
        if makers[name] not in places:
            places.add(makers[name])
            wanted += written.nodes[makers[name]].input
    return [written.nodes[place] for place in sorted(places)]


def _renamed(node: NodeProto, names: Mapping[str, str]) -> NodeProto:
    """A copy that has ``names[x]`` for x."""
    made = NodeProto()
    made.CopyFrom(node)
    for place, name in enumerate(node.output):
        made.output[place] = names.get(name, name)
    for place, name in enumerate(node.input):
        made.input[place] = names.get(name, name)
    return made


def _channels(node: NodeProto, weight: TensorProto | None) -> tuple[int, int] | None:
    if node.op_type != "Conv" or weight is None:
        return None
    return weight.dims[1] * int(attribute(node, "group", 1)), weight.dims[0]


def _is_as_it_was(maker: NodeProto | None, segment: Segment) -> bool:
    """Whether a result comes from the operator itself, and is no copy in another layout of what others read."""
    if maker is None or maker.domain == BLOCKED:
        return False
    return maker.op_type.removeprefix("Fused") in segment.types


def _window(node: NodeProto) -> tuple[object, ...]:
    """What a convolution pads its input by; a Pad before it may have been folded into that, and then it reads another tensor."""
    pads = attribute(node, "pads", ())
    return attribute(node, "auto_pad", "NOTSET"), pads if any(pads) else ()


def _in_blocks(host: Host, segment: Segment) -> tuple[NodeProto, tuple[NodeProto, ...]] | None:
    """The convolution in blocked layout that a segment replaces, and the nodes that do so."""
    (result,) = segment.results if len(segment.results) == 1 else ("",)
    node = host.in_blocks.get(result, host.in_blocks.get(segment.before_activation))
    if node is None or segment.channels is None or segment.channels[1] % _REORDERABLE or _window(node) != segment.window:
        return None
    activation = str(attribute(node, "activation", ""))
    summed = node.input[_SUMMED] if len(node.input) > _SUMMED else ""
    if (summed and segment.is_activated) or (activation not in ("", "Relu") and not segment.is_activated):
        return None  # what is fused behind it is more than the segment or a Relu computes
    nodes: list[NodeProto] = []
    if not host.has(segment.given):
        if not host.is_blocked(node.input[0]):
            return None  # a transposition that was moved left the operator another input
        plain = _reorder("ReorderOutput", node.input[0], segment.operator.inputs[0])
        plain.attribute.append(helper.make_attribute("channels", segment.channels[0]))
        nodes.append(plain)
    nodes += segment.nodes
    return node, (*nodes, *_back_to_blocks(result, node.output[0], summed, is_relu=activation == "Relu" and not segment.is_activated))


def _back_to_blocks(result: str, output: str, summed: str, *, is_relu: bool) -> Iterator[NodeProto]:
    steps: list[tuple[str, list[str]]] = [*([("Add", [summed])] if summed else []), *([("Relu", [])] if is_relu else [])]
    names = [f"{output}:{place}" for place in range(len(steps))] + [output]
    yield _reorder("ReorderInput", result, names[0])
    for place, (kind, others) in enumerate(steps):
        yield helper.make_node(kind, [names[place], *others], [names[place + 1]], name=f"{output}:{kind}")


def _reorder(kind: str, source: str, result: str) -> NodeProto:
    return helper.make_node(kind, [source], [result], name=f"{result}:reorder", domain=BLOCKED, channels_last=0)


def _suffix(host: Host, changed: Sequence[NodeProto], initializers: Mapping[str, TensorProto], results: frozenset[str]) -> Splice:
    """The changed nodes, and those of the host that depend on what they make."""
    replaced = {name for node in changed for name in node.output}
    dirty = results | replaced
    nodes = list(changed)
    read = dict.fromkeys(name for node in changed for name in reads_of(node))
    for node, names in zip(host.nodes, host.reads, strict=True):
        if dirty.isdisjoint(names) or replaced.issuperset(node.output):
            continue
        nodes.append(node)
        read.update(dict.fromkeys(names))
        dirty |= frozenset(node.output)
    made = {name for node in nodes for name in node.output}
    constants = {name: host.initializers[name] for name in read if name in host.initializers}
    reads = tuple(name for name in read if (name in host.makers or name in host.inputs) and name not in made)
    outputs = tuple(name for name in host.outputs if name in dirty)
    return Splice(nodes=tuple(nodes), initializers={**constants, **initializers}, reads=reads, outputs=outputs)
