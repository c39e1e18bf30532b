"""One operator of a model, by itself: a small model that runs it in fp32 or in 16 bits between casts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from inc_config.capabilities import Reason, ReasonCode
from inc_config.dtypes import FloatType
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.half.ports import Ports, element_of, ports_of
from inc_adaptors.onnxrt.half.weights import half_tensor
from inc_adaptors.onnxrt.operators import Operator
from inc_adaptors.onnxrt.shapes import TensorType
from inc_adaptors.onnxrt.tensors import header

MAIN = "operator"
"""Name of the node under test."""

_KEPT_VALUES = 64  # constants of so many elements keep their values: shapes, axes, bounds


@attrs.frozen(kw_only=True, eq=False)
class Call:
    """A node with its fused activation, the types and shapes of what it reads, and ``key``, equal for calls that take equal time."""

    head: ModelProto
    nodes: tuple[NodeProto, ...]
    given: Mapping[str, TensorType]
    constants: Mapping[str, TensorProto]
    ports: Ports
    key: tuple[Any, ...]

    @property
    def type(self) -> str:
        """The operator's type."""
        return self.nodes[0].op_type


def call_of(graph: Graph, types: Mapping[str, TensorType], operator: Operator) -> Call | Reason:
    """The call, or why there is none."""
    node = graph.nodes[operator.node]
    ports = ports_of(node, graph.opset)
    if ports is None:
        return Reason(ReasonCode.NO_HALF_KERNEL, f"{node.op_type} has no 16-bit form")
    names = list(dict.fromkeys(name for name in node.input if name))
    unknown = [name for name in names if name not in types or None in (types[name].shape or (None,) * (types[name].shape is None))]
    if unknown:
        return Reason(ReasonCode.NOT_EXECUTED, f"the shape of {unknown[0]} is not known; a batch of inputs tells it")
    if any(not types[node.input[position]].is_float32 for position in ports.inputs):
        return Reason(ReasonCode.NO_HALF_KERNEL, "its inputs are not float32")
    nodes = [_copy(node, MAIN)]
    if operator.activation is not None:
        nodes.append(_copy(graph.nodes[operator.activation], "activation"))
    extra = [name for name in nodes[-1].input[1:] if name] if len(nodes) > 1 else []
    constants = {name: graph.initializers[name] for name in (*names, *extra) if name in graph.initializers}
    given = {name: types[name] for name in names if name not in constants}
    place = {name: index for index, name in enumerate((*names, *extra))}
    key = (
        graph.opset,
        tuple((n.op_type, tuple(a.SerializeToString(deterministic=True) for a in n.attribute)) for n in nodes),
        tuple(place.get(name, -1) for name in node.input),
        tuple((types[name].elem_type, types[name].shape) for name in names),
        tuple((place[name], _small_values(tensor)) for name, tensor in constants.items()),
    )
    return Call(head=header(graph.head), nodes=tuple(nodes), given=given, constants=constants, ports=ports, key=key)


def model_of(call: Call, dtype: FloatType | None) -> ModelProto:
    """The operator in ``dtype`` between casts; None: in fp32."""
    model = ModelProto()
    model.CopyFrom(call.head)
    model.ClearField("functions")
    model.graph.name = "operator"
    nodes = [_copy(node, node.name) for node in call.nodes]
    main = nodes[0]
    constants = {name: _stand_in(tensor) for name, tensor in call.constants.items()}
    if dtype is not None:
        for position in call.ports.inputs:
            name = main.input[position]
            main.input[position] = f"{name}_half"
            if name in constants:
                constants[f"{name}_half"] = half_tensor(numpy_helper.to_array(constants[name]), dtype, f"{name}_half")
            elif f"{name}_half" not in {output for node in model.graph.node for output in node.output}:
                model.graph.node.append(helper.make_node("Cast", [name], [f"{name}_half"], to=element_of(dtype)))
        for node in nodes[1:]:
            for position, name in enumerate(node.input):
                if name in constants:
                    node.input[position] = f"{name}_half"
                    constants[f"{name}_half"] = half_tensor(numpy_helper.to_array(constants[name]), dtype, f"{name}_half")
    model.graph.node.extend(nodes)
    last = nodes[-1].output[0]
    for index, name in enumerate([last, *(output for output in main.output[1:] if output)]):
        result = f"result_{index}"
        is_half = dtype is not None and (index == 0 or list(main.output).index(name) in call.ports.outputs)
        made = (
            helper.make_node("Cast", [name], [result], to=int(TensorProto.FLOAT))
            if is_half
            else helper.make_node("Identity", [name], [result])
        )
        model.graph.node.append(made)
        model.graph.output.append(helper.make_tensor_value_info(result, TensorProto.FLOAT, None))
    read = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(tensor for name, tensor in constants.items() if name in read)
    for name, kind_of_tensor in call.given.items():
        model.graph.input.append(helper.make_tensor_value_info(name, kind_of_tensor.elem_type, list(kind_of_tensor.shape or ())))
    return model


def feed_of(call: Call) -> dict[str, NDArray[Any]]:
    """Inputs of the call's shapes: small positive floats, zeros of other types."""
    random = np.random.default_rng(0)
    made: dict[str, NDArray[Any]] = {}
    for name, kind in call.given.items():
        shape = tuple(axis or 0 for axis in kind.shape or ())
        numpy_type = helper.tensor_dtype_to_np_dtype(kind.elem_type)
        made[name] = random.uniform(0.1, 1.0, shape).astype(np.float32) if kind.is_float32 else np.zeros(shape, numpy_type)
    return made


def _copy(node: NodeProto, name: str) -> NodeProto:
    made = NodeProto()
    made.CopyFrom(node)
    made.name = name
    return made


def _stand_in(tensor: TensorProto) -> TensorProto:
    """A constant of the same shape: random numbers in place of large float weights, whose values do not matter to time."""
    if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) <= _KEPT_VALUES:
        return tensor
    values = np.random.default_rng(0).uniform(-0.1, 0.1, tuple(tensor.dims)).astype(np.float32)
    return numpy_helper.from_array(values, tensor.name)


def _small_values(tensor: TensorProto) -> bytes:
    return b"" if np.prod(tensor.dims) > _KEPT_VALUES or tensor.data_type == TensorProto.FLOAT else numpy_helper.to_array(tensor).tobytes()
