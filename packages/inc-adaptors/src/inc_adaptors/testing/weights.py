# ruff: noqa: S101 - the suites are tests
"""The laws of ``roles.AccessesWeights`` and of the ``Weights`` it gives."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest
from inc_config.errors import IncError
from inc_config.frozen import FrozenMap
from inc_config.pruning import BlockPattern, Reduction
from numpy.typing import NDArray

from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import AccessesWeights, BlockLayout, Trains, Weights
from inc_adaptors.testing.case import Case, RecordingHooks

ELEMENTS = BlockLayout(pattern=BlockPattern(1, 1))
_REDUCE: dict[Reduction, Any] = {Reduction.MEAN: np.mean, Reduction.SUM: np.sum, Reduction.MAX: np.max}


class AccessesWeightsConformance:
    """Scoring and masking weights."""

    def test_the_adaptor_has_the_role(self, case: Case) -> None:
        """``require`` finds it."""
        assert isinstance(case.adaptor, AccessesWeights)

    def test_prunable_weights_are_described(self, case: Case) -> None:
        """Distinct names, and a matrix view of as many elements as the weight."""
        found = _weights(case, case.open()).prunable()
        assert found
        assert len({info.name for info in found}) == len(found)
        assert all(math.prod(info.matrix) == math.prod(info.shape) for info in found)
        assert _weights(case, case.open(1)).prunable() == found

    def test_magnitude_scores_read_the_weights(self, case: Case) -> None:
        """Non-negative, one per element, of the matrix view's shape."""
        weights = _weights(case, case.open())
        for info in weights.prunable():
            scores = _magnitude(weights, info.name)
            assert scores.shape == info.matrix
            assert (scores >= 0.0).all()
            assert scores.any()

    @pytest.mark.parametrize("reduction", list(Reduction))
    def test_block_scores_reduce_element_scores(self, case: Case, reduction: Reduction) -> None:
        """Over blocks of the matrix view."""
        weights = _weights(case, case.open())
        for info in weights.prunable():
            rows, columns = _divisor(info.matrix[0]), _divisor(info.matrix[1])
            layout = BlockLayout(pattern=BlockPattern(rows, columns), reduction=reduction)
            got = weights.reduced_scores("magnitude", {info.name: layout})[info.name]
            blocks = _magnitude(weights, info.name).reshape(info.matrix[0] // rows, rows, info.matrix[1] // columns, columns)
            np.testing.assert_allclose(got, _REDUCE[reduction](blocks, axis=(1, 3)), rtol=1e-5)

    def test_masks_zero_what_they_cut_and_nothing_else(self, case: Case) -> None:
        """Element-wise over the matrix view."""
        weights = _weights(case, case.open())
        masks = _checkerboards(weights)
        before = {name: _magnitude(weights, name) for name in masks}
        weights.set_masks(masks)
        weights.apply_masks()
        for name, mask in masks.items():
            assert np.array_equal(_magnitude(weights, name), np.where(mask, before[name], 0.0))

    def test_masks_are_given_back_in_the_weights_own_shape(self, case: Case) -> None:
        """Booleans with as many zeros as were asked for; none before any were set."""
        weights = _weights(case, case.open())
        assert weights.masks() == {}
        masks = _checkerboards(weights)
        weights.set_masks(masks)
        got = weights.masks()
        for info in weights.prunable():
            assert got[info.name].shape == info.shape
            assert got[info.name].dtype == np.bool_
            assert got[info.name].sum() == masks[info.name].sum()

    def test_the_masks_of_a_handle_are_installed(self, case: Case) -> None:
        """A later stage finds the masks that an earlier one left in the state."""
        handle = case.open()
        weights = _weights(case, handle)
        weights.set_masks(_checkerboards(weights))
        masks = weights.masks()
        pruned = attrs.evolve(handle, state=attrs.evolve(handle.state, masks=FrozenMap(masks)))
        later = _weights(case, case.adaptor.copy(pruned))
        assert later.masks().keys() == masks.keys()
        assert all(np.array_equal(later.masks()[name], mask) for name, mask in masks.items())
        later.apply_masks()
        for name, mask in _checkerboards(later).items():
            assert not _magnitude(later, name)[~mask].any()

    def test_block_masks_cover_whole_blocks(self, case: Case) -> None:
        """A mask per block cuts every element of it."""
        weights = _weights(case, case.open())
        info = weights.prunable()[0]
        rows = _divisor(info.matrix[0])
        mask = np.arange(info.matrix[0] // rows)[:, None] % 2 == np.zeros(info.matrix[1], int)[None, :]
        weights.set_masks({info.name: mask})
        weights.apply_masks()
        assert np.array_equal(_magnitude(weights, info.name) == 0.0, ~np.repeat(mask, rows, axis=0))

    def test_a_mask_that_does_not_fit_is_refused(self, case: Case) -> None:
        """A shape that is no whole factor, and a name that is not there."""
        weights = _weights(case, case.open())
        info = weights.prunable()[0]
        with pytest.raises(IncError):
            weights.set_masks({info.name: np.ones((info.matrix[0] + 1, info.matrix[1]), np.bool_)})
        with pytest.raises(IncError, match=r"no\.such\.weight"):
            weights.set_masks({"no.such.weight": np.ones((1, 1), np.bool_)})

    def test_masking_a_copy_leaves_the_original_bit_identical(self, case: Case) -> None:
        """A copy is independent; masking changes the outputs."""
        original = case.open()
        before, outputs = case.adaptor.fingerprint(original), case.outputs(original)
        copy = case.adaptor.copy(original)
        weights = _weights(case, copy)
        weights.set_masks(_checkerboards(weights))
        weights.apply_masks()
        assert not np.array_equal(case.outputs(copy)[0], outputs[0])
        assert case.adaptor.fingerprint(original) == before
        assert np.array_equal(case.outputs(original)[0], outputs[0])

    def test_masks_survive_training(self, case: Case) -> None:
        """Re-applied after each optimizer step, they keep their zeros while the rest is trained."""
        _needs_training(case)
        handle = case.open()
        weights = _weights(case, handle)
        masks = _checkerboards(weights)
        weights.set_masks(masks)
        weights.apply_masks()
        before = {name: _magnitude(weights, name) for name in masks}
        trained = case.adaptor.train(handle, case.new_training(), RecordingHooks(on_after_optimizer_step=weights.apply_masks))
        after = _weights(case, trained)
        for name, mask in masks.items():
            scores = _magnitude(after, name)
            assert not scores[~mask].any()
        assert any(not np.array_equal(_magnitude(after, name), before[name]) for name in masks)

    def test_snip_momentum_decays_what_it_gathered(self, case: Case) -> None:
        """With weights and gradients unchanged, two rounds at decay d give (1 + d) times one round; all_reduce changes nothing here."""
        _needs_training(case)
        handle = case.open()
        weights = _weights(case, handle)
        names = [info.name for info in weights.prunable()]
        rounds: list[dict[str, NDArray[np.float32]]] = []

        def accumulate() -> None:
            for _ in range(2):
                weights.accumulate_scores("snip_momentum", decay=0.5)
                weights.all_reduce()
                rounds.append(weights.reduced_scores("snip_momentum", dict.fromkeys(names, ELEMENTS)))

        training = case.new_training(epochs=None, steps=1)
        case.adaptor.train(handle, training, RecordingHooks(on_before_optimizer_step=accumulate))
        once, twice = rounds
        assert any(scores.any() for scores in once.values())
        for name in names:
            assert (once[name] >= 0.0).all()
            np.testing.assert_allclose(twice[name], 1.5 * once[name], rtol=1e-5, atol=1e-12)


def _weights(case: Case, handle: ModelHandle) -> Weights:
    weights: Weights = case.adaptor.weights(handle)
    return weights


def _needs_training(case: Case) -> None:
    if not isinstance(case.adaptor, Trains) or case.training is None:
        pytest.skip("this adaptor does not train")


def _magnitude(weights: Weights, name: str) -> NDArray[np.float32]:
    return np.array(weights.reduced_scores("magnitude", {name: ELEMENTS})[name])


def _checkerboards(weights: Weights) -> dict[str, NDArray[Any]]:
    return {info.name: np.indices(info.matrix).sum(axis=0) % 2 == 0 for info in weights.prunable()}


def _divisor(size: int) -> int:
    return next((factor for factor in (4, 2, 3) if size % factor == 0), 1)
