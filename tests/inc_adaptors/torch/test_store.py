"""What is saved is arrays and JSON; what is loaded predicts bit for bit what was saved."""

from __future__ import annotations

import copy
import json

import attrs
import numpy as np
import pytest
import torch
from inc_adaptors.roles import SavedModel
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_config.errors import IncError, ModelError, StoreError
from inc_config.plan import OpId
from safetensors.numpy import load, save
from torch import nn

ADAPTOR = TorchAdaptor(minimum_work=0)


def quantized(model, batches, in_float=()):
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, ADAPTOR.target(), batches=batches)
    plan = found.plan().with_float(in_float)
    return ADAPTOR.emitter(handle, ADAPTOR.observe(handle, batches, ADAPTOR.wanted(found, [plan])), found).emit(plan)


def through_files(saved: SavedModel) -> SavedModel:
    """As a folder would hold it: safetensors and JSON text."""
    return SavedModel(arrays=load(save(dict(saved.arrays))), document=json.loads(json.dumps(saved.document)))


@pytest.mark.parametrize("name", ["Residual", "Chain"])
def test_a_reloaded_model_predicts_bit_identically(models, images, name) -> None:
    fresh = getattr(models, name)
    handle = quantized(models.trained(fresh(), (3, 8, 8)), images)
    back = ADAPTOR.from_saved(through_files(ADAPTOR.to_saved(handle)), fresh())
    for batch in images:
        assert np.array_equal(ADAPTOR.predict(back, batch)[0], ADAPTOR.predict(handle, batch)[0])
    assert ADAPTOR.fingerprint(back) == ADAPTOR.fingerprint(handle)
    assert back.state.plan == handle.state.plan
    assert back.state.surgery == handle.state.surgery
    assert set(back.state.qparams) == set(handle.state.qparams)


def test_calls_with_their_own_plans_and_tied_weights_come_back(models) -> None:
    batches = [np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32)]
    handle = quantized(models.Twice(), batches, [OpId("shared", 1, "Linear"), OpId("twin", 0, "Linear")])
    saved = ADAPTOR.to_saved(handle)
    back = ADAPTOR.from_saved(through_files(saved), models.Twice())
    assert np.array_equal(ADAPTOR.predict(back, batches[0])[0], ADAPTOR.predict(handle, batches[0])[0])


def test_tied_weights_are_saved_once_and_tied_again(models) -> None:
    saved = ADAPTOR.to_saved(ADAPTOR.open(models.Twice()))
    assert saved.document["aliases"] == {"twin.weight": "shared.weight"}
    assert "weights/twin.weight" not in saved.arrays
    back = ADAPTOR.from_saved(through_files(saved), models.Twice()).native
    assert back.twin.weight is back.shared.weight


def test_an_int8_model_takes_a_quarter_of_the_bytes(images) -> None:
    model = nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3))
    before = len(save(dict(ADAPTOR.to_saved(ADAPTOR.open(model)).arrays)))
    after = len(save(dict(ADAPTOR.to_saved(quantized(model, images)).arrays)))
    assert 3.6 < before / after < 4.0


def test_a_float_model_with_masks_notes_and_bfloat16_comes_back(models, images) -> None:
    model = models.trained(models.Residual(), (3, 8, 8))
    model.head.bfloat16()
    handle = ADAPTOR.open(model)
    masks = {"stem.weight": np.random.default_rng(0).random((16, 3, 3, 3)) > 0.5}
    handle = attrs.evolve(handle, state=attrs.evolve(handle.state, masks=masks, notes=("pruned",)))
    fresh = models.Residual()
    fresh.head.bfloat16()
    back = ADAPTOR.from_saved(through_files(ADAPTOR.to_saved(handle)), fresh)
    assert ADAPTOR.fingerprint(back) == ADAPTOR.fingerprint(handle)
    assert np.array_equal(back.state.masks["stem.weight"], masks["stem.weight"])
    assert back.state.notes == ("pruned",)


def test_the_given_model_is_not_changed(models, images) -> None:
    handle = quantized(models.trained(models.Chain(), (3, 8, 8)), images)
    fresh = models.Chain()
    before = ADAPTOR.fingerprint(ADAPTOR.open(fresh))
    ADAPTOR.from_saved(ADAPTOR.to_saved(handle), fresh)
    assert ADAPTOR.fingerprint(ADAPTOR.open(fresh)) == before


def test_another_architecture_is_refused_by_name() -> None:
    saved = ADAPTOR.to_saved(ADAPTOR.open(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))))
    with pytest.raises(ModelError) as caught:
        ADAPTOR.from_saved(saved, nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)))
    text = str(caught.value)
    assert "not saved: 2.bias, 2.weight" in text
    assert "not in the model: 1.bias, 1.weight" in text
    assert "0.weight float32 (4, 4), the model has float32 (5, 4)" in text


def test_another_architecture_is_refused_before_surgery(images) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
    saved = ADAPTOR.to_saved(quantized(model, images))
    with pytest.raises(ModelError, match="not saved: 2"):
        ADAPTOR.from_saved(saved, nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
    with pytest.raises(ModelError, match="2 is a BatchNorm2d") as caught:
        ADAPTOR.from_saved(saved, nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.BatchNorm2d(8)))
    assert "same architecture" in caught.value.fix


def test_loading_needs_the_users_model() -> None:
    saved = ADAPTOR.to_saved(ADAPTOR.open(nn.Linear(2, 2)))
    with pytest.raises(ModelError, match="Linear"):
        ADAPTOR.from_saved(saved)


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.pop("surgery"),
        lambda d: d.update(surgery="all of it"),
        lambda d: d["surgery"][0].pop("scope"),
        lambda d: d["surgery"][0].update(kind="torch_shell"),
        lambda d: d["surgery"][0]["details"].pop("calls"),
        lambda d: d["surgery"][0]["details"].update(activation="exec"),
        lambda d: d["surgery"][0]["details"]["calls"][0].update(mode="sometimes"),
        lambda d: d["surgery"][0]["details"].update(calls=[]),
        lambda d: d.update(plan={"ops": 3}),
        lambda d: d.update(notes=None),
        lambda d: d.update(aliases=[1]),
        lambda d: d.update(types={"0.bias": "float128"}),
    ],
)
def test_a_damaged_document_is_refused(images, damage) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
    saved = ADAPTOR.to_saved(quantized(model, images, [OpId("2", 0, "Conv")]))
    document = copy.deepcopy(dict(saved.document))
    damage(document)
    with pytest.raises(IncError):
        ADAPTOR.from_saved(attrs.evolve(saved, document=document), copy.deepcopy(model))


def test_missing_parameters_of_a_range_are_refused(images) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3))
    saved = ADAPTOR.to_saved(quantized(model, images))
    arrays = {name: array for name, array in saved.arrays.items() if not name.startswith("zero_points/")}
    with pytest.raises(StoreError):
        ADAPTOR.from_saved(attrs.evolve(saved, arrays=arrays), copy.deepcopy(model))


def test_a_load_is_in_evaluation_mode_and_can_be_quantized_further(models, images) -> None:
    handle = ADAPTOR.open(models.trained(models.Chain(), (3, 8, 8)))
    back = ADAPTOR.from_saved(ADAPTOR.to_saved(handle), models.Chain())
    assert not back.native.training
    assert torch.equal(back.native[0].weight, handle.native[0].weight)
    assert isinstance(quantized(back.native, images).native[0], nn.Module)
