"""Reverse-mode differentiation over numpy, as much as a multilayer perceptron needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Parent = tuple["Node", Callable[[Array], Array]]


class Node:
    """A value and how its gradient reaches the values it was made from."""

    def __init__(self, value: Any, parents: tuple[Parent, ...] = ()) -> None:
        self.value: Array = np.asarray(value, np.float32)
        self.gradient: Array = np.zeros_like(self.value)
        self.parents = parents

    def numpy(self) -> Array:
        return self.value

    def backward(self) -> None:
        self.gradient = np.ones_like(self.value)
        for node in reversed(self._order()):
            for parent, pull in node.parents:
                parent.gradient = parent.gradient + pull(node.gradient)

    def _order(self) -> list[Node]:
        found: dict[int, Node] = {}

        def visit(node: Node) -> None:
            if id(node) not in found:
                for parent, _ in node.parents:
                    visit(parent)
                found[id(node)] = node

        visit(self)
        return list(found.values())

    def __add__(self, other: Any) -> Node:
        other = lift(other)
        return Node(
            self.value + other.value,
            ((self, lambda g: _unbroadcast(g, self.value.shape)), (other, lambda g: _unbroadcast(g, other.value.shape))),
        )

    def __mul__(self, other: Any) -> Node:
        other = lift(other)
        return Node(
            self.value * other.value,
            (
                (self, lambda g: _unbroadcast(g * other.value, self.value.shape)),
                (other, lambda g: _unbroadcast(g * self.value, other.value.shape)),
            ),
        )

    __rmul__ = __mul__
    __radd__ = __add__

    def __sub__(self, other: Any) -> Node:
        return self + lift(other) * -1.0

    def __matmul__(self, other: Node) -> Node:
        return Node(self.value @ other.value, ((self, lambda g: g @ other.value.T), (other, lambda g: self.value.T @ g)))

    def relu(self) -> Node:
        return Node(np.maximum(self.value, 0), ((self, lambda g: g * (self.value > 0)),))

    def sum(self) -> Node:
        return Node(self.value.sum(), ((self, lambda g: np.broadcast_to(g, self.value.shape)),))

    def log_softmax(self) -> Node:
        shifted = self.value - self.value.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return Node(logs, ((self, lambda g: g - np.exp(logs) * g.sum(axis=1, keepdims=True)),))


def lift(value: Any) -> Node:
    return value if isinstance(value, Node) else Node(value)


def _unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    extra = gradient.ndim - len(shape)
    return gradient.sum(axis=tuple(range(extra))) if extra else gradient


class GradientDescent:
    """Plain gradient descent."""

    def __init__(self, parameters: Any, rate: float) -> None:
        self.parameters: list[Node] = list(parameters)
        self.rate = rate

    def zero(self) -> None:
        for parameter in self.parameters:
            parameter.gradient = np.zeros_like(parameter.value)

    def step(self) -> None:
        for parameter in self.parameters:
            parameter.value = parameter.value - np.float32(self.rate) * parameter.gradient


def cross_entropy(outputs: Any, targets: Any) -> Node:
    logs = lift(outputs).log_softmax()
    hot = np.zeros_like(logs.value)
    hot[np.arange(len(hot)), np.asarray(targets)] = -1.0 / len(hot)
    return (logs * hot).sum()
