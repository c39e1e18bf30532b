"""A chain of named numpy operators: the smallest thing that can be trained, pruned and quantized."""

from __future__ import annotations

import copy
import hashlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np
from inc_adaptors.qparams import QParams, dequantize, quantize
from inc_config.dtypes import PerChannel
from inc_config.plan import TensorPlan
from numpy.typing import NDArray
from toy_tape import Node

PER_COLUMN = PerChannel(1)


@attrs.define(eq=False)
class Linear:
    """``x @ weight + bias``; ``weight`` has the shape (in, out)."""

    weight: Node
    bias: Node

    def __call__(self, x: Node) -> Node:
        return x @ self.weight + self.bias

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"weight": self.weight.value, "bias": self.bias.value}


@attrs.define(eq=False)
class Relu:
    def __call__(self, x: Node) -> Node:
        return x.relu()

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {}


@attrs.define(eq=False)
class IntegerLinear:
    """The same on integers: codes times codes, summed in int32. Without ``input_qparams`` the input's range is that of the batch."""

    codes: NDArray[np.int8]
    weight_qparams: QParams
    bias: NDArray[np.float32]
    plan: TensorPlan
    input_qparams: QParams | None
    dynamic: Callable[[NDArray[np.float32], TensorPlan], QParams]

    def __call__(self, x: Node) -> Node:
        found = self.input_qparams or self.dynamic(x.value, self.plan)
        codes = quantize(x.value, found, self.plan.dtype).astype(np.int32) - found.zero_point
        sums = codes @ self.codes.astype(np.int32)
        return Node(sums.astype(np.float32) * (found.scale * self.weight_qparams.scale) + self.bias)

    def arrays(self) -> dict[str, NDArray[Any]]:
        found = {"codes": self.codes, "weight_scale": self.weight_qparams.scale, "bias": self.bias}
        if self.input_qparams is not None:
            found |= {"input_scale": self.input_qparams.scale, "input_zero_point": self.input_qparams.zero_point}
        return found

    def float_weight(self) -> NDArray[np.float32]:
        return dequantize(self.codes, self.weight_qparams, PER_COLUMN)


@attrs.define(eq=False)
class HalfLinear:
    """The same in fp16: inputs, weights and sums are rounded to 11 significant bits; the result is float32 again."""

    weight: NDArray[np.float16]
    bias: NDArray[np.float16]

    def __call__(self, x: Node) -> Node:
        return Node((x.value.astype(np.float16) @ self.weight + self.bias).astype(np.float32))

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"half_weight": self.weight, "half_bias": self.bias}


Operator = Linear | Relu | IntegerLinear | HalfLinear


class ToyModel:
    """Named operators in order of execution."""

    def __init__(self, operators: dict[str, Operator]) -> None:
        self.operators = operators

    def __call__(self, x: Any, seen: Callable[[str, NDArray[np.float32]], None] = lambda name, value: None) -> Node:
        value = x if isinstance(x, Node) else Node(x)
        for name, operator in self.operators.items():
            seen(name, value.value)
            value = operator(value)
        return value

    def linears(self) -> Iterator[tuple[str, Linear]]:
        for name, operator in self.operators.items():
            if isinstance(operator, Linear):
                yield name, operator

    def parameters(self) -> list[Node]:
        return [node for _, linear in self.linears() for node in (linear.weight, linear.bias)]

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {f"{name}.{key}": array for name, operator in self.operators.items() for key, array in operator.arrays().items()}

    def copy(self) -> ToyModel:
        return ToyModel({name: copy.deepcopy(operator) for name, operator in self.operators.items()})

    def fingerprint(self) -> str:
        digest = hashlib.sha256(str([(name, type(operator).__name__) for name, operator in self.operators.items()]).encode())
        for name, array in self.arrays().items():
            digest.update(f"{name}{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def perceptron(sizes: tuple[int, ...], seed: int) -> ToyModel:
    """``fc0, relu0, fc1, ...`` with random weights."""
    rng = np.random.default_rng(seed)
    operators: dict[str, Operator] = {}
    for index, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        if index:
            operators[f"relu{index - 1}"] = Relu()
        weight = rng.normal(0.0, np.sqrt(2.0 / inputs), (inputs, outputs))
        operators[f"fc{index}"] = Linear(Node(weight), Node(rng.normal(0.0, 0.1, outputs)))
    return ToyModel(operators)
