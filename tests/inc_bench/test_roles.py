"""The roles a benchmark needs, filled by the frameworks' adaptors: bound calls give the model's outputs, profiles name its operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from inc_adaptors import adaptor_for
from inc_adaptors.roles import Binds, Profiles
from inc_config.errors import DataError

BATCHES = [np.full((2, 6), value, np.float32) for value in (0.5, -1.0)]


def onnx_model() -> Any:
    onnx = pytest.importorskip("onnx", reason="the extra onnxrt is not installed")
    pytest.importorskip("onnxruntime", reason="the extra onnxrt is not installed")
    helper = onnx.helper
    weight = onnx.numpy_helper.from_array(np.arange(18, dtype=np.float32).reshape(6, 3), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["h"], name="product"), helper.make_node("Relu", ["h"], ["y"], name="gate")],
        "g",
        [helper.make_tensor_value_info("x", 1, ["batch", 6])],
        [helper.make_tensor_value_info("y", 1, ["batch", 3])],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def torch_model() -> Any:
    torch = pytest.importorskip("torch", reason="the extra torch is not installed")
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Dropout(0.5))


@pytest.mark.parametrize("make", [onnx_model, torch_model])
@pytest.mark.parametrize("threads", [0, 1, 2])
def test_bound_calls_give_what_predict_gives(make: Any, threads: int) -> None:
    model = make()
    adaptor = adaptor_for(model)
    assert isinstance(adaptor, Binds)
    handle = adaptor.open(model)
    for call, batch in zip(adaptor.bind(handle, BATCHES, threads=threads), BATCHES, strict=True):
        found = call()
        array = found[0] if isinstance(found, list) else found.numpy()  # type: ignore[attr-defined]
        np.testing.assert_allclose(array, adaptor.predict(handle, batch)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [onnx_model, torch_model])
def test_batches_that_do_not_fit_are_refused(make: Any) -> None:
    model = make()
    adaptor = adaptor_for(model)
    assert isinstance(adaptor, Binds)
    with pytest.raises(DataError):
        adaptor.bind(adaptor.open(model), [np.zeros((2, 9), np.float32)])[0]()


def test_torch_keeps_the_threads_and_modes_of_the_process() -> None:
    model = torch_model()
    import torch

    before = torch.get_num_threads()
    adaptor = adaptor_for(model)
    assert isinstance(adaptor, Binds)
    adaptor.bind(adaptor.open(model), BATCHES[:1], threads=before + 1)[0]()
    assert torch.get_num_threads() == before
    assert model.training


@pytest.mark.parametrize(
    ("make", "expected"),
    [(onnx_model, {("product", "MatMul"), ("gate", "Relu")}), (torch_model, {("0", "Linear"), ("1", "ReLU"), ("2", "Dropout")})],
)
def test_a_profile_names_every_operator_and_shares_add_up(make: Any, expected: set[tuple[str, str]]) -> None:
    model = make()
    adaptor = adaptor_for(model)
    assert isinstance(adaptor, Profiles)
    found = adaptor.profile(adaptor.open(model), BATCHES[0], calls=3)
    assert {(operator.name, operator.type) for operator in found} >= expected
    assert sum(operator.share for operator in found) == pytest.approx(1.0)
    assert all(operator.seconds > 0 for operator in found if (operator.name, operator.type) in expected)
    assert {operator.dtype for operator in found if (operator.name, operator.type) in expected} == {"float32"}
