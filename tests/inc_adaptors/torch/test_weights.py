from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from inc_adaptors.roles import BlockLayout
from inc_adaptors.torch.weights import TorchWeights, from_matrix, to_matrix
from inc_config.errors import StepError
from inc_config.pruning import BlockPattern, Reduction
from torch import nn

ONE = BlockLayout(pattern=BlockPattern(1, 1))


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(4, 6, 3)
        self.conv2 = nn.Conv2d(4, 8, 3, groups=2)
        self.conv3 = nn.Conv3d(2, 4, 2)
        self.up = nn.ConvTranspose2d(4, 4, 2)
        self.words = nn.Embedding(10, 6)
        self.out = nn.Linear(6, 10, bias=False)
        self.again = nn.Linear(6, 10)
        self.again.weight = self.out.weight


def test_prunable_weights_are_named_typed_and_shaped() -> None:
    found = TorchWeights(Layers(), {}).prunable()
    assert [(w.name, w.type, w.shape, w.matrix) for w in found] == [
        ("conv1.weight", "Conv1d", (6, 4, 3), (6, 12)),
        ("conv2.weight", "Conv2d", (8, 2, 3, 3), (8, 18)),
        ("conv3.weight", "Conv3d", (4, 2, 2, 2, 2), (4, 16)),
        ("out.weight", "Linear", (10, 6), (10, 6)),
    ]


def test_frozen_weights_are_marked() -> None:
    model = Layers()
    model.conv2.weight.requires_grad_(False)
    assert [info.name for info in TorchWeights(model, {}).prunable() if info.is_frozen] == ["conv2.weight"]


def test_layers_of_subclasses_have_the_type_of_torchs_own_class() -> None:
    class Scaled(nn.Conv2d):
        pass

    model = nn.Sequential(Scaled(4, 4, 1), nn.MultiheadAttention(4, 1))
    assert [(w.name, w.type) for w in TorchWeights(model, {}).prunable()] == [("0.weight", "Conv2d"), ("1.out_proj.weight", "Linear")]


def test_a_layer_that_is_the_model_is_named_weight() -> None:
    assert TorchWeights(nn.Linear(2, 3), {}).prunable()[0].name == "weight"


@given(st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_the_matrix_view_keeps_inputs_innermost_and_goes_back(shape: list[int]) -> None:
    weight = torch.arange(float(np.prod(shape))).reshape(shape)
    matrix = to_matrix(weight)
    assert torch.equal(from_matrix(matrix, tuple(shape)), weight)
    # Columns run over the kernel first and the inputs fastest, as numpy's moveaxis of channels to the end says.
    assert np.array_equal(matrix.numpy(), np.moveaxis(weight.numpy(), 1, -1).reshape(shape[0], -1))


def test_magnitudes_are_reduced_per_block() -> None:
    model = nn.Linear(4, 4, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.arange(16.0).reshape(4, 4) - 8.0)
    weights = TorchWeights(model, {})
    # |w| = [[8,7,6,5],[4,3,2,1],[0,1,2,3],[4,5,6,7]]; blocks of two rows and one column.
    expected = {
        Reduction.MEAN: [[6.0, 5.0, 4.0, 3.0], [2.0, 3.0, 4.0, 5.0]],
        Reduction.SUM: [[12.0, 10.0, 8.0, 6.0], [4.0, 6.0, 8.0, 10.0]],
        Reduction.MAX: [[8.0, 7.0, 6.0, 5.0], [4.0, 5.0, 6.0, 7.0]],
    }
    for reduction, blocks in expected.items():
        scores = weights.reduced_scores("magnitude", {"weight": BlockLayout(pattern=BlockPattern(2, 1), reduction=reduction)})
        assert scores["weight"].tolist() == blocks
        assert scores["weight"].dtype == np.float32


def test_snip_momentum_folds_weight_times_gradient() -> None:
    model = nn.Linear(2, 1, bias=False)
    weights = TorchWeights(model, {})
    for weight, gradient in (([2.0, -3.0], [1.0, 1.0]), ([1.0, 1.0], [-4.0, 0.5])):
        with torch.no_grad():
            model.weight.copy_(torch.tensor([weight]))
        model.weight.grad = torch.tensor([gradient])
        weights.accumulate_scores("snip_momentum", decay=0.9)
    # 0.9 * |2 * 1| + |1 * -4| = 5.8; 0.9 * |-3 * 1| + |1 * 0.5| = 3.2
    assert weights.reduced_scores("snip_momentum", {"weight": ONE})["weight"] == pytest.approx(np.array([[5.8, 3.2]]))
    assert model.weight.grad is not None


def test_masks_over_blocks_are_expanded_to_the_weights_shape() -> None:
    model = nn.Conv2d(4, 4, 3)
    weights = TorchWeights(model, {})
    mask = np.ones((1, 36), bool)
    mask[0, 4 * 4 + 1] = False  # kernel position 4 of 9 (row 1, column 1), input channel 1
    weights.set_masks({"weight": mask})
    weights.apply_masks()
    cut = model.weight.detach() == 0.0
    assert cut.sum() == 4
    assert bool(cut[:, 1, 1, 1].all())
    assert np.array_equal(weights.masks()["weight"], ~cut.numpy())


def test_applying_masks_again_keeps_what_grew_back_at_zero() -> None:
    model = nn.Linear(4, 4)
    weights = TorchWeights(model, {})
    weights.set_masks({"weight": np.eye(4, dtype=bool)})
    weights.apply_masks()
    with torch.no_grad():
        model.weight.add_(1.0)
    weights.apply_masks()
    assert torch.equal(model.weight != 0.0, torch.eye(4, dtype=torch.bool))
    assert model.weight.requires_grad


def test_masks_of_the_handle_are_installed_and_not_applied() -> None:
    model = nn.Conv1d(2, 2, 2)
    mask = np.zeros((2, 2, 2), bool)
    weights = TorchWeights(model, {"weight": mask})
    assert np.array_equal(weights.masks()["weight"], mask)
    assert bool(model.weight.any())
    weights.apply_masks()
    assert not bool(model.weight.any())
    with pytest.raises(StepError, match=r"\(3, 3\)"):
        TorchWeights(model, {"weight": np.zeros((3, 3), bool)})


def test_a_tied_weight_is_masked_once_for_both() -> None:
    model = Layers()
    weights = TorchWeights(model, {})
    weights.set_masks({"out.weight": np.zeros((10, 6), bool)})
    weights.apply_masks()
    assert not bool(model.again.weight.any())


@pytest.mark.parametrize("shape", [(3, 4), (4, 5), (4,), (0, 4), (8, 4)])
def test_a_mask_that_does_not_tile_the_weight_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(StepError, match="does not tile"):
        TorchWeights(nn.Linear(4, 4), {}).set_masks({"weight": np.ones(shape, bool)})


def test_unknown_names_criteria_and_layouts_are_refused() -> None:
    weights = TorchWeights(nn.Linear(4, 4), {})
    with pytest.raises(StepError, match=r"'bias'"):
        weights.set_masks({"bias": np.ones((4, 4), bool)})
    with pytest.raises(StepError, match="taylor"):
        weights.accumulate_scores("taylor", decay=0.9)
    with pytest.raises(StepError, match="do not tile"):
        weights.reduced_scores("magnitude", {"weight": BlockLayout(pattern=BlockPattern(3, 1))})
    with pytest.raises(StepError, match="No gradient"):
        weights.reduced_scores("snip_momentum", {"weight": ONE})
