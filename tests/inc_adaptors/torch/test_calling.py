from __future__ import annotations

import collections
import dataclasses

import numpy as np
import pytest
import torch
from inc_adaptors.batches import split
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_adaptors.torch.calling import call_checked, evaluation, outputs_of, required_inputs, to_native
from inc_config.errors import DataError, ModelError
from torch import nn

CPU = torch.device("cpu")


def test_arrays_tensors_and_nested_batches_become_tensors() -> None:
    batch = {"a": np.ones((2, 3), np.float32), "b": (torch.zeros(2), [np.arange(2)]), "flag": True}
    native = to_native(batch, CPU)
    assert isinstance(native["a"], torch.Tensor)
    assert native["b"][1][0].dtype is torch.int64
    assert native["flag"] is True


def test_a_read_only_or_reversed_array_is_copied_without_a_warning() -> None:
    array = np.arange(4.0)
    array.flags.writeable = False
    assert to_native(array, CPU).tolist() == [0.0, 1.0, 2.0, 3.0]
    assert to_native(np.arange(4)[::-1], CPU).tolist() == [3, 2, 1, 0]


def test_an_array_of_strings_is_refused() -> None:
    with pytest.raises(DataError, match="cannot become a tensor"):
        to_native(np.array(["a"]), CPU)


def test_evaluation_restores_every_modules_own_mode() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout())
    model.train()
    model[0].eval()
    with evaluation(model):
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
    assert [module.training for module in model.modules()] == [True, False, True]


@pytest.mark.parametrize(
    ("batch", "given"),
    [
        (torch.zeros(4, 3), "float32[4, 3]"),
        (torch.zeros(4, 2, dtype=torch.float64), "float64[4, 2]"),
        ((torch.zeros(4, 2), torch.zeros(4, 2)), "(float32[4, 2], float32[4, 2])"),
        ({"image": torch.zeros(4, 2)}, "image: float32[4, 2]"),
    ],
    ids=["shape", "type", "number", "name"],
)
def test_a_batch_that_does_not_fit_shows_both_sides(batch: object, given: str) -> None:
    model = nn.Linear(2, 5)
    with pytest.raises(DataError) as caught:
        call_checked(model, batch)
    assert given in caught.value.where
    assert "forward(input" in caught.value.where


class Named(collections.namedtuple("Named", ["first", "second"])):
    pass


@dataclasses.dataclass
class Output:
    logits: torch.Tensor
    hidden: tuple[torch.Tensor, ...]


def test_outputs_are_flattened_in_order() -> None:
    one, two, three = torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([3.0], dtype=torch.bfloat16)
    for outputs in ((one, [two], {"x": three}), {"a": one, "b": (two, None, three)}, Named(one, (two, three)), Output(one, (two, three))):
        assert [float(array[0]) for array in outputs_of(outputs)] == [1.0, 2.0, 3.0]
    assert outputs_of(three)[0].dtype == np.float32


def test_a_model_that_returns_no_tensor_is_refused() -> None:
    with pytest.raises(ModelError, match="without any tensor"):
        outputs_of("text")


def test_inputs_a_model_cannot_do_without_are_counted_where_there_are_several() -> None:
    class Optional(nn.Module):
        def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
            return x if mask is None else x * mask

    class Pair(nn.Module):
        def forward(self, left: torch.Tensor, right: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
            return (left - right) * scale

    assert [required_inputs(model) for model in (nn.Identity(), Optional(), Pair())] == [None, None, 2]
    left, right = torch.ones(2, 3), torch.zeros(2, 3)
    assert split((left, right), TorchAdaptor().open(Pair()).signature.expected) == ((left, right), None)
