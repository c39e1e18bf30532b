from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from graphs import batches, branches, depthwise, mlp, resnet, run, run_plainly
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_config.capabilities import Capabilities
from inc_config.plan import QuantizationPlan
from onnx import ModelProto
from scratch import Scratch

ADAPTOR = OnnxrtAdaptor(threads=1)
RANGE = StatisticSpec("range")
MODELS: dict[str, Callable[[], ModelProto]] = {
    "branches": branches,
    "resnet": resnet,
    "resnet, opset 11, unnamed nodes": functools.partial(resnet, opset=11, named=False),
    "depthwise": depthwise,
    "mlp": mlp,
}


@attrs.frozen(eq=False)
class Ready:
    """A calibrated model: its all-float emission, ranges by tensor, and an emitter that all examples share."""

    handle: ModelHandle
    capabilities: Capabilities
    float_model: ModelProto
    ranges: dict[str, tuple[float, float]]
    emitter: Any
    feed: dict[str, Any]

    def fallback(self, chosen: list[bool]) -> QuantizationPlan:
        plan = self.capabilities.plan()
        return plan.with_float(op for op, drop in zip(plan.quantized, chosen, strict=False) if drop)


@functools.cache
def ready(name: str) -> Ready:
    model = MODELS[name]()
    handle = ADAPTOR.open(model)
    data = batches(model)
    capabilities = ADAPTOR.capabilities(handle, ADAPTOR.target())
    tensors = ADAPTOR.tensors(handle)
    statistics = ADAPTOR.observe(handle, data, {key: frozenset({RANGE}) for key in tensors})
    ranges = {tensors[key]: (found[RANGE].minimum, found[RANGE].maximum) for key, found in statistics.values.items()}
    emitter = ADAPTOR.emitter(handle, statistics, capabilities)
    plan = capabilities.plan()
    return Ready(handle, capabilities, emitter.emit(plan.with_float(plan.quantized)).native, ranges, emitter, data[0])


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=20, deadline=None)
@given(chosen=st.lists(st.booleans(), min_size=24, max_size=24))
def test_emission_from_the_skeleton_equals_emission_from_scratch(name: str, chosen: list[bool]) -> None:
    """Values of the emitted graph as written, no kernel fusion on either side."""
    given_ = ready(name)
    plan = given_.fallback(chosen)
    expected = run_plainly(Scratch(given_.float_model, given_.capabilities, plan, given_.ranges).run(), given_.feed)
    for final in (False, True):
        got = run_plainly(given_.emitter.emit(plan, final=final).native, given_.feed)
        for left, right in zip(got, expected, strict=True):
            assert np.abs(left - right).max() <= 1e-5 * max(1.0, np.abs(right).max())


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=10, deadline=None)
@given(chosen=st.lists(st.booleans(), min_size=24, max_size=24))
def test_integer_kernels_compute_what_the_emitted_graph_says(name: str, chosen: list[bool]) -> None:
    """Fusing Q/DQ into kernels rounds once more or less, never loses an activation (which reads 0 to 10 dB)."""
    given_ = ready(name)
    emitted = given_.emitter.emit(given_.fallback(chosen), final=True).native
    as_written, fused = run_plainly(emitted, given_.feed)[0], run(emitted, given_.feed)[0]
    noise = np.square(as_written - fused).sum()
    assert noise == 0.0 or 10.0 * np.log10(np.square(as_written).sum() / noise) > 30.0


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=10, deadline=None)
@given(chosen=st.lists(st.booleans(), min_size=24, max_size=24))
def test_the_delivered_model_has_its_removable_activations_stripped_and_the_tuned_one_keeps_all(name: str, chosen: list[bool]) -> None:
    given_ = ready(name)
    plan = given_.fallback(chosen)
    tuned, final = (given_.emitter.emit(plan, final=final).native for final in (False, True))
    in_float = _activations(given_.float_model)
    assert _activations(tuned) == in_float
    readers: dict[str, list[str]] = {}
    for node in final.graph.node:
        for tensor in node.input:
            readers.setdefault(tensor, []).append(node.op_type)
    left = [n for n in final.graph.node if n.op_type in ("Relu", "Clip")]
    assert not [n.name for n in left if readers.get(n.output[0]) and set(readers[n.output[0]]) == {"QuantizeLinear"}]
    if not any(chosen):
        assert not left


def _activations(model: ModelProto) -> int:
    return sum(node.op_type in ("Relu", "Clip") for node in model.graph.node)
