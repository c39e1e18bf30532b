from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from inc_adaptors import roles
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import ModelHandle
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_adaptors.torch.sharing import evaluation_view
from inc_config.errors import ModelError
from inc_config.target import Runtime
from torch import nn

ADAPTOR = TorchAdaptor()


def test_a_module_finds_this_adaptor_with_every_role() -> None:
    adaptor = adaptor_for(nn.Linear(1, 1))
    assert adaptor.name == "torch"
    for role in (
        roles.Describes,
        roles.Observes,
        roles.Quantizes,
        roles.Trains,
        roles.AccessesWeights,
        roles.Distills,
        roles.Exports,
        roles.Stores,
    ):
        assert roles.require(adaptor, role, step="test") is adaptor


def test_open_does_not_change_or_copy_the_model() -> None:
    model = nn.Linear(2, 2)
    assert ADAPTOR.open(model).native is model


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize(
    "make", [lambda: "model.pt", lambda: nn.Linear, lambda: torch.jit.script(nn.Linear(1, 1)), lambda: torch.compile(nn.Linear(1, 1))]
)
def test_what_is_not_an_eager_module_is_refused(make) -> None:
    with pytest.raises(ModelError) as caught:
        ADAPTOR.open(make())
    assert caught.value.fix


def test_predict_is_in_evaluation_mode_and_leaves_the_model_bit_identical() -> None:
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.9), nn.Linear(4, 2)).train()
    handle = ADAPTOR.open(model)
    before = ADAPTOR.fingerprint(handle)
    x = np.random.default_rng(0).random((8, 4), np.float32)
    assert np.array_equal(ADAPTOR.predict(handle, x)[0], ADAPTOR.predict(handle, x)[0])
    assert ADAPTOR.fingerprint(handle) == before
    assert model[1].training


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_a_predictor_agrees_with_predict_and_restores_the_thread_count(threads) -> None:
    model = nn.Sequential(nn.Linear(4, 2), nn.Dropout(0.9)).train()
    handle = ADAPTOR.open(model)
    x = np.random.default_rng(0).random((8, 4), np.float32)
    before = torch.get_num_threads()
    assert np.allclose(ADAPTOR.predictor(handle, threads=threads)(x)[0], ADAPTOR.predict(handle, x)[0], atol=1e-6)
    assert torch.get_num_threads() == before
    assert model.training


def test_a_view_shares_weights_and_buffers_but_not_modes() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).train()
    view = evaluation_view(model)
    assert view[0].weight is model[0].weight
    assert view[1].running_mean is model[1].running_mean
    assert model.training
    assert not view.training


def test_a_copy_is_independent() -> None:
    handle = ADAPTOR.open(nn.Linear(2, 2))
    copied = ADAPTOR.copy(handle)
    before = ADAPTOR.fingerprint(handle)
    with torch.no_grad():
        copied.native.weight.zero_()
    assert ADAPTOR.fingerprint(handle) == before
    assert ADAPTOR.fingerprint(copied) != before


def test_a_model_that_python_cannot_copy_is_explained() -> None:
    model = nn.Linear(2, 2)
    model.lock = threading.Lock()
    with pytest.raises(ModelError, match=r"Linear cannot be copied.*lock"):
        ADAPTOR.copy(ADAPTOR.open(model))


def test_fingerprints_tell_weights_buffers_settings_and_types_apart() -> None:
    def of(model: nn.Module) -> str:
        return ADAPTOR.fingerprint(ModelHandle(framework="torch", native=model))

    def zeros(model: nn.Module) -> nn.Module:
        for tensor in model.state_dict().values():
            tensor.zero_()
        return model

    base = of(zeros(nn.Conv2d(1, 1, 3, padding=1)))
    assert base == of(zeros(nn.Conv2d(1, 1, 3, padding=1)).eval())
    assert base != of(zeros(nn.Conv2d(1, 1, 3, padding=0)))
    assert base != of(zeros(nn.ConvTranspose2d(1, 1, 3, padding=1)))
    moved = zeros(nn.Conv2d(1, 1, 3, padding=1))
    with torch.no_grad():
        moved.bias.add_(1.0)
    assert base != of(moved)
    norm = nn.BatchNorm1d(2)
    assert of(norm) != of(_tracked(nn.BatchNorm1d(2)))


def _tracked(norm: nn.BatchNorm1d) -> nn.BatchNorm1d:
    norm.num_batches_tracked += 1
    return norm


def test_size_counts_tied_weights_once_and_buffers_too(models) -> None:
    assert ADAPTOR.size_bytes(ADAPTOR.open(models.Twice())) == 4 * (16 * 16 + 16 + 16)
    assert ADAPTOR.size_bytes(ADAPTOR.open(nn.BatchNorm1d(4))) == 4 * (4 * 4) + 8


def test_the_target_is_torch() -> None:
    assert ADAPTOR.target().runtime is Runtime.TORCH
