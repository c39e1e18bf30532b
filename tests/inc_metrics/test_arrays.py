"""Whatever a framework hands over becomes a numpy array, or a clear error."""

import numpy as np
import pytest
from inc_metrics import MetricTypeError, MetricValueError, accuracy
from inc_metrics.arrays import as_array, as_score


class Asnumpy:
    """As MXNet: no __array__, only asnumpy()."""

    def asnumpy(self) -> np.ndarray:
        return np.array([1.0, 2.0])


class DlpackOnly:
    """As a tensor of a framework that exports DLPack and nothing else."""

    def __init__(self) -> None:
        self._owner = np.array([1.0, 2.0])

    def __dlpack__(self, **options: object) -> object:
        return self._owner.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._owner.__dlpack_device__()


class ArrayOnly:
    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.array([1.0, 2.0])


class OnDevice:
    """As a tensor on a device that carries a gradient: numpy may see it only after detach() and cpu()."""

    def __init__(self, *, attached: bool = True, on_device: bool = True) -> None:
        self.attached, self.on_device = attached, on_device

    def detach(self) -> "OnDevice":
        return OnDevice(attached=False, on_device=self.on_device)

    def cpu(self) -> "OnDevice":
        return OnDevice(attached=self.attached, on_device=False)

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        if self.attached or self.on_device:
            raise TypeError("not on the host")
        return np.array([1.0, 2.0])


@pytest.mark.parametrize(
    "value", [np.array([1.0, 2.0]), [1.0, 2.0], (1, 2), [np.array(1.0), np.float32(2.0)], Asnumpy(), DlpackOnly(), ArrayOnly(), OnDevice()]
)
def test_every_way_of_handing_over_numbers_is_read(value: object) -> None:
    np.testing.assert_array_equal(as_array(value, where="here"), [1.0, 2.0])


def test_a_list_of_tensors_is_stacked() -> None:
    assert as_array([OnDevice(), Asnumpy()], where="here").shape == (2, 2)


@pytest.mark.parametrize("value", ["text", None, {"logits": [1.0]}, object(), ["a", "b"], [1.0, None], np.array([1j]), {1, 2}])
def test_what_is_no_number_is_refused_with_its_type(value: object) -> None:
    with pytest.raises(MetricTypeError, match=r"(?s)where: here.*fix:"):
        as_array(value, where="here")


def test_a_ragged_list_is_refused() -> None:
    with pytest.raises(MetricValueError, match="equally long"):
        as_array([[1.0], [1.0, 2.0]], where="here")


def test_a_masked_array_does_not_lose_its_mask_silently() -> None:
    with pytest.raises(MetricTypeError, match="mask"):
        as_array(np.ma.array([1.0, 2.0], mask=[True, False]), where="here")


def test_torch_tensors_with_gradient_and_bfloat16_are_read() -> None:
    torch = pytest.importorskip("torch", reason="torch is no dependency; the main environment has it")
    values = torch.tensor([[0.25, 0.75], [0.5, 0.125]], requires_grad=True)
    np.testing.assert_array_equal(as_array(values, where="here"), values.detach().numpy())
    # all four numbers are sums of two powers of two at most, so bfloat16 holds them exactly
    np.testing.assert_array_equal(as_array(values.to(torch.bfloat16), where="here"), values.detach().numpy())
    assert as_array([values[0], values[1]], where="here").shape == (2, 2)
    assert accuracy(values, torch.tensor([1, 1])) == 0.5


def test_a_tensor_without_data_is_a_type_error() -> None:
    torch = pytest.importorskip("torch", reason="torch is no dependency; the main environment has it")
    with pytest.raises(MetricTypeError, match="cannot be read"):
        as_array(torch.empty(2, device="meta"), where="here")


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.array([[0.5]])])
def test_a_score_is_one_number(value: object) -> None:
    assert as_score(value, where="here") == 0.5


@pytest.mark.parametrize("value", [True, [0.5, 0.5], "0.5", None, {"map": 0.5}])
def test_a_score_that_is_not_one_number_is_refused(value: object) -> None:
    with pytest.raises(MetricTypeError):
        as_score(value, where="here")


def test_a_score_of_nan_is_refused() -> None:
    with pytest.raises(MetricValueError, match="NaN"):
        as_score(float("nan"), where="here")
