# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.Stores``, through the real saved format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from inc_config.errors import IncError
from inc_config.frozen import FrozenMap

from inc_adaptors import store
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import AccessesWeights, Quantizes, SavedModel, Stores
from inc_adaptors.testing.case import Case, assert_same


class StoresConformance:
    """A handle becomes data and comes back."""

    def test_the_adaptor_has_the_role(self, case: Case) -> None:
        """``require`` finds it."""
        assert isinstance(case.adaptor, Stores)

    def test_a_saved_model_predicts_bit_identically(self, case: Case, tmp_path: Path) -> None:
        """Into a model with other weights where the framework needs the user's code."""
        handle = case.open()
        _assert_comes_back(case, handle, tmp_path)

    def test_a_masked_model_comes_back_with_its_masks(self, case: Case, tmp_path: Path) -> None:
        """Masks are part of the state."""
        if not _has(case, AccessesWeights):
            pytest.skip("this adaptor has no weight access")
        handle = case.open()
        weights = case.adaptor.weights(handle)
        weights.set_masks({info.name: np.indices(info.matrix).sum(axis=0) % 2 == 0 for info in weights.prunable()})
        weights.apply_masks()
        masked = attrs.evolve(handle, state=attrs.evolve(handle.state, masks=FrozenMap(weights.masks()), notes=("pruned",)))
        _assert_comes_back(case, masked, tmp_path)

    def test_a_quantized_model_comes_back_with_its_plan(self, case: Case, tmp_path: Path) -> None:
        """Integers stay integers: the saved form is smaller than the float model's."""
        if not _has(case, Quantizes):
            pytest.skip("this adaptor does not quantize")
        handle = case.open()
        capabilities = case.capabilities(handle)
        emitter = case.adaptor.emitter(handle, case.statistics(handle, capabilities), capabilities)
        quantized = emitter.emit(capabilities.plan(), final=True)
        _assert_comes_back(case, quantized, tmp_path)
        assert _bytes(case.adaptor.to_saved(quantized)) < _bytes(case.adaptor.to_saved(handle))

    def test_a_saved_model_without_its_content_is_refused(self, case: Case) -> None:
        """Missing arrays, files or document."""
        saved = case.adaptor.to_saved(case.open())
        for broken in (attrs.evolve(saved, arrays={}, files={}), attrs.evolve(saved, document={})):
            with pytest.raises(IncError):
                case.adaptor.from_saved(broken, case.make_model(1))


def _has(case: Case, role: type[Any]) -> bool:
    return isinstance(case.adaptor, role)


def _assert_comes_back(case: Case, handle: ModelHandle, folder: Path) -> None:
    expected = case.outputs(handle)
    store.save(case.adaptor.to_saved(handle), folder / "saved")
    loaded = case.adaptor.from_saved(store.load(folder / "saved").model, case.make_model(1))
    assert_same(case.outputs(loaded), expected)
    assert case.adaptor.fingerprint(loaded) == case.adaptor.fingerprint(handle)
    assert loaded.state.plan == handle.state.plan
    assert loaded.state.notes == handle.state.notes
    assert loaded.state.masks.keys() == handle.state.masks.keys()
    assert all(np.array_equal(loaded.state.masks[name], mask) for name, mask in handle.state.masks.items())


def _bytes(saved: SavedModel) -> int:
    return sum(array.nbytes for array in saved.arrays.values()) + sum(len(data) for data in saved.files.values())
