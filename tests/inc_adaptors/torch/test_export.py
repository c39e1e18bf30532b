from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_config.errors import MissingFrameworkError, ModelError
from torch import nn

ADAPTOR = TorchAdaptor(minimum_work=0)


def exported(model: nn.Module, path: Path, example: Any) -> onnxruntime.InferenceSession:
    file = ADAPTOR.export_onnx(ADAPTOR.open(model), path / "model.onnx", example_inputs=example)
    assert [child.name for child in path.iterdir()] == ["model.onnx"]
    return onnxruntime.InferenceSession(str(file))


@pytest.mark.parametrize("batch", [1, 4])
def test_any_batch_size_agrees_with_the_model(models, tmp_path, batch) -> None:
    model = models.trained(models.Residual(), (3, 8, 8)).train()
    session = exported(model, tmp_path, np.random.default_rng(0).random((batch, 3, 8, 8), np.float32))
    assert model.training
    (given,) = session.get_inputs()
    assert given.name == "x"
    for size in (1, 2, 7):
        x = np.random.default_rng(size).random((size, 3, 8, 8), np.float32)
        (result,) = session.run(["output"], {"x": x})
        assert np.allclose(result, ADAPTOR.predict(ADAPTOR.open(model), x)[0], atol=1e-4)


@pytest.mark.parametrize("form", [dict, tuple])
def test_inputs_keep_their_names_and_all_outputs_come_in_order(models, tmp_path, form) -> None:
    generator = np.random.default_rng(0)
    arrays = {"signal": generator.normal(size=(3, 4, 10)).astype("f4"), "extra": generator.normal(size=(3, 6)).astype("f4")}
    example = arrays if form is dict else tuple(arrays.values())
    model = models.TwoInputs().eval()
    session = exported(model, tmp_path, example)
    assert [given.name for given in session.get_inputs()] == ["signal", "extra"]
    results = session.run(None, arrays)
    for reference, result in zip(ADAPTOR.predict(ADAPTOR.open(model), example), results, strict=True):
        assert np.allclose(reference, result, atol=1e-5)


def test_a_quantized_model_is_not_exported(models, tmp_path, images) -> None:
    handle = ADAPTOR.open(models.trained(models.Residual(), (3, 8, 8)))
    found = ADAPTOR.capabilities(handle, ADAPTOR.target(), batches=images)
    statistics = ADAPTOR.observe(handle, images, ADAPTOR.wanted(found, [found.plan()]))
    emitted = ADAPTOR.emitter(handle, statistics, found).emit(found.plan())
    with pytest.raises(ModelError, match="int8"):
        ADAPTOR.export_onnx(emitted, tmp_path / "m.onnx", example_inputs=images[0])


def test_control_flow_on_values_is_explained(tmp_path) -> None:
    class Decides(nn.Module):
        def forward(self, x):
            return x + 1 if float(x.sum()) > 0 else x - 1

    with pytest.raises(ModelError, match="cannot export"):
        ADAPTOR.export_onnx(ADAPTOR.open(Decides()), tmp_path / "m.onnx", example_inputs=torch.rand(2, 2))


def test_a_missing_library_names_the_extra(tmp_path, monkeypatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find(name))
    with pytest.raises(MissingFrameworkError, match="onnxscript") as caught:
        ADAPTOR.export_onnx(ADAPTOR.open(nn.Linear(2, 2)), tmp_path / "m.onnx", example_inputs=torch.rand(2, 2))
    assert "inc-adaptors[torch]" in caught.value.fix
