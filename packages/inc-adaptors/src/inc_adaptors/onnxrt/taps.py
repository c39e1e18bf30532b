"""Read tensors inside a model, and add to them: every node by its own kernel, nothing fused, so that each name is what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import onnxruntime
from inc_config.errors import ModelError
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from inc_adaptors.onnxrt.sessions import ORT_ERRORS, load_with, session_options
from inc_adaptors.onnxrt.tensors import split

Array = NDArray[Any]


class Taps:
    """A session over a model that also gives the tensors ``read`` and takes an addend for each float tensor in ``added``.

    Args:
        model: any model; it is not changed.
        read: names of tensors made by nodes of the main graph, mapped to their ONNX element types (UNDEFINED: onnxruntime finds out).
        added: names of float tensors made by nodes of the main graph; ``run`` takes arrays to add to them.
        threads: of the session.

    Raises:
        ModelError: onnxruntime cannot run the model.
    """

    def __init__(self, model: ModelProto, read: Mapping[str, int], *, added: Iterable[str] = (), threads: int = 1) -> None:
        parts = split(model)
        graph = parts.model.graph
        self._own = [value.name for value in graph.output]
        self._read = [name for name in read if name not in self._own]
        graph.output.extend(_output(name, read[name]) for name in self._read)
        self._addends = {name: f"{name}:added" for name in added}
        _add(parts.model, self._addends)
        options = session_options(threads)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = load_with(parts, options)
        except ORT_ERRORS as error:
            raise ModelError(
                f"onnxruntime cannot run the model: {str(error).splitlines()[0]}",
                where="the model given",
                fix="check the operators and operator-set version it names",
            ) from error

    @property
    def outputs(self) -> Sequence[str]:
        """The model's own outputs."""
        return self._own

    def run(self, feed: Mapping[str, Array], added: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """All outputs and tapped tensors by name.

        Raises:
            ModelError: an operator fails on these inputs.
        """
        extra = {self._addends[name]: array for name, array in (added or {}).items()}
        names = [*self._own, *self._read]
        return dict(zip(names, self._session.run(names, {**feed, **extra}), strict=True))


def _output(name: str, elem_type: int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, elem_type, None) if elem_type else ValueInfoProto(name=name)


def _add(model: ModelProto, addends: Mapping[str, str]) -> None:
    """Rename what makes each tensor and put an Add with a new graph input behind it."""
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        for position, name in enumerate(node.output):
            if name in addends:
                node.output[position] = f"{name}:before"
                nodes.append(helper.make_node("Add", [f"{name}:before", addends[name]], [name], name=f"{name}:add"))
    copies = [type(node)() for node in nodes]
    for copy, node in zip(copies, nodes, strict=True):
        copy.CopyFrom(node)
    del model.graph.node[:]
    model.graph.node.extend(copies)
    model.graph.input.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in addends.values())
