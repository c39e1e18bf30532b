"""On random networks of convolutions, whatever onnxruntime makes of them, one operator in isolation is that operator in a whole model."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from graphs import Builder, batches
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto
from test_emission import calibrated
from test_isolation import isolated, noises, whole

CHANNELS = (4, 6, 8, 16, 24, 32)


def network(seed: int) -> ModelProto:
    """A chain with branches: fused and other activations, channels that fill no block, sums, pads, transpositions; one or two outputs."""
    choose = random.Random(seed)
    b = Builder(seed=seed)
    made = [(b.input("x", ["n", 3, 8, 8]), 3)]
    for _ in range(choose.randint(4, 12)):
        made.append(_grown(b, choose, made))
    made.append((b.conv(made[-1][0], made[-1][1], 8, k=1), 8))
    ends = dict([made[-1], *choose.sample(made[1:-1], choose.randint(0, 1))])
    return b.model(*((b.node("Identity", name), ["n", channels, 8, 8]) for name, channels in ends.items()))


def _grown(b: Builder, choose: random.Random, made: list[tuple[str, int]]) -> tuple[str, int]:
    y, channels = choose.choice(made[-3:])
    mates = [name for name, width in made if width == channels and name != y]
    kind = choose.choice(["conv"] * 5 + ["sum", "sum", "join", "pool", "turn", "shift", "pad"])
    if kind == "sum" and mates:
        y = b.node(choose.choice(["Add", "Mul"]), y, choose.choice(mates))
        return (b.node("Relu", y) if choose.random() < 0.5 else y), channels
    if kind == "join":
        other, width = choose.choice(made)
        return b.node("Concat", y, other, axis=1), channels + width
    if kind in ("pool", "turn", "shift"):
        return _changed(b, choose, y, channels, kind), channels
    if kind == "pad":
        y = b.node("Pad", y, b.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)))
        return b.conv(y, channels, 16, pads=[0] * 4), 16
    out = choose.choice(CHANNELS)
    group, out = (channels, channels) if choose.random() < 0.25 else (1, out)
    y = b.conv(y, channels, out, k=choose.choice([1, 3]), group=group, bias=choose.random() < 0.7)
    return _activated(b, choose, b.batch_norm(y, out) if choose.random() < 0.3 else y), out


def _changed(b: Builder, choose: random.Random, y: str, channels: int, kind: str) -> Any:
    if kind == "pool":
        return b.node(choose.choice(["MaxPool", "AveragePool"]), y, kernel_shape=[3, 3], pads=[1] * 4)
    if kind == "turn":
        return b.node("Transpose", b.node("Relu", b.node("Transpose", y, perm=[0, 2, 3, 1])), perm=[0, 3, 1, 2])
    return b.node("Add", y, b.constant(b.normal(1, channels, 1, 1)))


def _activated(b: Builder, choose: random.Random, y: str) -> Any:
    kind = choose.choice(["Relu", "Relu", "Clip", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "swish", "", ""])
    if kind == "Clip":
        return b.clip6(y)
    if kind == "swish":
        return b.node("Mul", y, b.node("Sigmoid", y))
    return b.node(kind, y) if kind else y


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_an_operator_alone_makes_the_noise_of_a_whole_model(seed: int) -> None:
    found = calibrated(network(seed))
    feed = batches(found.model)[0]
    with isolated(found) as made:
        run = made.floats(feed, made.ops)
        signal = noises(run.outputs, tuple(np.zeros_like(output) for output in run.outputs))
        for op in made.ops:
            expected = noises(whole(found, found.plan, op, feed), run.outputs)
            assert abs(noises(made.alone(op)(run), run.outputs) - expected) <= 0.1 * expected + 1e-10 * signal, op
