"""Slower kernels are there for those who ask, and only for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from inc_adaptors.detect import adaptor_for
from inc_config import INT8, UINT8, OpConstraint, QuantizeConfig, Target, TensorConstraint
from inc_orchestrate import Pipeline, Quantize
from inc_orchestrate.candidates import capabilities_under

UNSIGNED = OpConstraint(types=("Conv", "Gemm"), weight=TensorConstraint(dtypes="uint8"))
SIGNED = OpConstraint(activation=TensorConstraint(dtypes="int8"))


def options(path: Path, **config: Any) -> dict[str, tuple[Any, ...]]:
    adaptor = adaptor_for(path)
    found = capabilities_under(adaptor, adaptor.open(path), QuantizeConfig(target=Target(runtime="onnxruntime"), **config))
    return {capability.op.scope: (capability.op.type, capability.options) for capability in found.ops if capability.is_quantizable}


def test_no_option_is_added_unasked(onnx_path: Path) -> None:
    for _, found in options(onnx_path).values():
        assert all(option.weight is None or option.weight.dtype.signed for option in found)
        assert all(tensor is None or not tensor.dtype.signed for option in found for tensor in option.inputs)


def test_unsigned_weights(onnx_path: Path) -> None:
    usual, asked = options(onnx_path), options(onnx_path, constraints=[UNSIGNED])
    assert set(asked) == set(usual)
    for scope, (kind, found) in asked.items():
        integers = [option for option in found if option.is_quantized]
        if kind in ("Conv", "Gemm"):
            assert {option.weight.dtype for option in integers} == {UINT8}
        else:
            assert found == usual[scope][1]


def test_signed_activations_are_read_by_all(onnx_path: Path) -> None:
    for _, found in options(onnx_path, constraints=[SIGNED]).values():
        integers = [option for option in found if option.is_quantized]
        assert {tensor.dtype for option in integers for tensor in (*option.inputs, *option.outputs) if tensor is not None} == {INT8}


def test_a_limit_that_does_not_count_adds_nothing(onnx_path: Path) -> None:

    assert options(onnx_path, constraints=[attrs.evolve(UNSIGNED, unfit="ignore")]) == options(onnx_path)


@pytest.mark.parametrize("constraint", [UNSIGNED, SIGNED])
def test_the_model_is_made_as_it_was_asked(constraint: OpConstraint, onnx_path: Path, digits: Any) -> None:
    result = Pipeline([Quantize(constraints=[constraint])], calibrate=digits.calibration).fit(onnx_path)
    stored = {tensor.data_type for tensor in result.model.graph.initializer if len(tensor.dims) > 1}
    zero_points = {
        tensor.data_type
        for node in result.model.graph.node
        if node.op_type == "QuantizeLinear"
        for tensor in result.model.graph.initializer
        if tensor.name == node.input[2]
    }
    uint8, int8 = 2, 3  # of TensorProto.DataType
    assert (uint8 in stored, zero_points) == ((True, {uint8}) if constraint is UNSIGNED else (False, {int8}))
    adaptor = adaptor_for(onnx_path)
    batch = digits.calibration[0][0]
    exact, made = (np.asarray(adaptor.predict(adaptor.open(m), batch)[0]) for m in (onnx_path, result.model))
    assert np.square(made - exact).mean() < 0.02 * np.square(exact).mean()
