# ruff: noqa: S101 - the suites are tests
"""What a suite runs on: an adaptor, models and data of its framework."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import numpy as np
from inc_config.capabilities import Capabilities
from inc_config.plan import QuantizationPlan
from numpy.typing import NDArray

from inc_adaptors.batches import batch_size, to_numpy
from inc_adaptors.handle import ModelHandle
from inc_adaptors.hooks import NoHooks
from inc_adaptors.statistics.store import Statistics

Outputs = tuple[NDArray[Any], ...]


@attrs.define(kw_only=True)
class PlainTraining:
    """The least that fits ``roles.TrainingSpec``; ``optimizer`` is called with the parameters."""

    loader: Iterable[Any]
    loss: Callable[[Any, Any], Any]
    optimizer: Callable[[Iterable[Any]], Any]
    epochs: int | None = 1
    steps: int | None = None
    scheduler: Callable[[Any], Any] | None = None
    device: str | None = None
    seed: int = 0


@attrs.frozen(kw_only=True, eq=False)
class Case:
    """An adaptor with models and data of its framework.

    Args:
        adaptor: the object under test.
        make_model: a fresh native model from a seed: equal weights for equal seeds, other weights for others, one architecture. For the
            quantization suite with at least 10,000 weights in operators that have integer kernels, so that integers make it smaller.
        batches: four or more finite batches of inputs as a loader would yield them, of two or more samples each.
        misfit: a batch that cannot fit the model.
        foreign: something that ``open`` must refuse.
        training: a fresh training of at least 4 batches, plain gradient descent without momentum or weight decay, whose loss falls.
        to_native: a numpy array as the framework's tensor.
        sqnr_db: least signal-to-quantization-noise ratio of the default plan's outputs, in dB.
    """

    adaptor: Any
    make_model: Callable[[int], Any]
    batches: tuple[Any, ...]
    misfit: Any
    foreign: Any = "no model, and no path to one"
    training: Callable[[], PlainTraining] | None = None
    to_native: Callable[[NDArray[Any]], Any] = lambda array: array
    sqnr_db: float = 20.0

    def open(self, seed: int = 0) -> ModelHandle:
        """A handle of a fresh model."""
        handle: ModelHandle = self.adaptor.open(self.make_model(seed))
        return handle

    def outputs(self, handle: ModelHandle) -> Outputs:
        """Outputs over all batches, one array per output."""
        parts = [self.adaptor.predict(handle, batch) for batch in self.batches]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    @property
    def samples(self) -> int:
        """The number of samples in ``batches``."""
        return sum(batch_size(batch) for batch in self.batches)

    def capabilities(self, handle: ModelHandle) -> Capabilities:
        """Capabilities on the adaptor's own target."""
        found: Capabilities = self.adaptor.capabilities(handle, self.adaptor.target(), batches=self.batches[:1])
        return found

    def statistics(self, handle: ModelHandle, capabilities: Capabilities, *plans: QuantizationPlan) -> Statistics:
        """What the plans need (by default the best options), observed over all batches."""
        wanted = self.adaptor.wanted(capabilities, plans or (capabilities.plan(),))
        gathered: Statistics = self.adaptor.observe(handle, self.batches, wanted)
        return gathered

    def new_training(self, **changes: Any) -> PlainTraining:
        """A fresh training with some fields replaced."""
        assert self.training is not None, "the case gives no training"
        return attrs.evolve(self.training(), **changes)


class RecordingHooks(NoHooks):
    """Hooks that note every call and every loss, and may run something at one of them."""

    def __init__(self, **actions: Callable[[], None]) -> None:
        self.calls: list[tuple[str, int | None]] = []
        self.losses: list[float] = []
        self.teacher_outputs: list[Any] = []
        self.actions = actions

    def _note(self, name: str, number: int | None = None) -> None:
        self.calls.append((name, number))
        if name in self.actions:
            self.actions[name]()

    def on_train_begin(self) -> None:
        """Note the call."""
        self._note("on_train_begin")

    def on_epoch_begin(self, epoch: int) -> None:
        """Note the call."""
        self._note("on_epoch_begin", epoch)

    def on_step_begin(self, step: int) -> None:
        """Note the call."""
        self._note("on_step_begin", step)

    def on_after_compute_loss(self, inputs: Any, outputs: Any, loss: Any, teacher_outputs: Any = None) -> Any:
        """Note the call, the loss and the teacher's outputs."""
        self.losses.append(float(to_numpy(loss)))
        self.teacher_outputs.append(teacher_outputs)
        self._note("on_after_compute_loss")
        return loss

    def on_before_optimizer_step(self) -> None:
        """Note the call."""
        self._note("on_before_optimizer_step")

    def on_after_optimizer_step(self) -> None:
        """Note the call."""
        self._note("on_after_optimizer_step")

    def on_step_end(self) -> None:
        """Note the call."""
        self._note("on_step_end")

    def on_epoch_end(self) -> None:
        """Note the call."""
        self._note("on_epoch_end")

    def on_train_end(self) -> None:
        """Note the call."""
        self._note("on_train_end")


def assert_same(got: Outputs, expected: Outputs) -> None:
    """Bit for bit the same arrays."""
    assert len(got) == len(expected)
    for left, right in zip(got, expected, strict=True):
        assert left.dtype == right.dtype
        assert np.array_equal(left, right), f"largest difference {np.abs(left - right).max()}"


def assert_close(got: Outputs, expected: Outputs, *, tolerance: float = 1e-5) -> None:
    """The same arrays up to ``tolerance`` of the largest magnitude of each."""
    assert len(got) == len(expected)
    for left, right in zip(got, expected, strict=True):
        bound = tolerance * max(1.0, float(np.abs(right).max()))
        assert np.abs(left - right).max() <= bound, f"largest difference {np.abs(left - right).max()}, allowed {bound}"


def sqnr_db(reference: Outputs, other: Outputs) -> float:
    """Signal-to-quantization-noise ratio of ``other`` in dB over all outputs; infinite where they are equal."""
    signal = sum(float(np.square(array, dtype=np.float64).sum()) for array in reference)
    noise = sum(float(np.square(a.astype(np.float64) - b).sum()) for a, b in zip(reference, other, strict=True))
    return math.inf if noise == 0.0 else 10.0 * math.log10(signal / noise)
