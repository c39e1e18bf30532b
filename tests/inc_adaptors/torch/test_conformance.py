"""The PyTorch adaptor passes every suite that ships."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from inc_adaptors.testing import (
    AccessesWeightsConformance,
    AdaptorConformance,
    Case,
    DescribesConformance,
    DistillsConformance,
    ExportsConformance,
    MixesPrecisionConformance,
    ObservesConformance,
    PlainTraining,
    QuantizesConformance,
    StoresConformance,
    TrainsConformance,
)
from inc_adaptors.torch.adaptor import TorchAdaptor
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 32, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1)
        self.act = nn.ReLU()
        self.head = nn.Linear(32 * 4 * 4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(functional.relu(self.norm1(self.conv1(x))), 2)
        return self.head(self.act(self.conv2(x)).flatten(1))


def _model(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return Net()


def _samples(count: int, seed: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, 4, count)
    centres = np.random.default_rng(0).normal(size=(4, 2, 8, 8))
    return (centres[targets] + generator.normal(0.0, 0.3, (count, 2, 8, 8))).astype(np.float32), targets


def _training() -> PlainTraining:
    loader = [_samples(16, seed) for seed in range(6)]
    return PlainTraining(loader=loader, loss=nn.CrossEntropyLoss(), optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.02))


class _TorchCase:
    adaptor = TorchAdaptor(minimum_work=0)

    @pytest.fixture
    def case(self) -> Case:
        return Case(
            adaptor=self.adaptor,
            make_model=_model,
            batches=tuple(_samples(size, size)[0] for size in (4, 8, 3, 5)),
            misfit=np.zeros((2, 3, 8, 8), np.float32),
            training=_training,
            to_native=torch.from_numpy,
            sqnr_db=30.0,
        )


class TestAdaptor(_TorchCase, AdaptorConformance):
    pass


class TestDescribes(_TorchCase, DescribesConformance):
    pass


class TestObserves(_TorchCase, ObservesConformance):
    pass


class TestQuantizes(_TorchCase, QuantizesConformance):
    pass


class TestMixesPrecision(_TorchCase, MixesPrecisionConformance):
    # Which layers are faster is this machine's affair: all count as twice as fast here.
    adaptor = TorchAdaptor(minimum_work=0, half_speed=lambda module, shape, dtype: 2.0)


class TestTrains(_TorchCase, TrainsConformance):
    pass


class TestAccessesWeights(_TorchCase, AccessesWeightsConformance):
    pass


class TestDistills(_TorchCase, DistillsConformance):
    pass


class TestExports(_TorchCase, ExportsConformance):
    pass


class TestStores(_TorchCase, StoresConformance):
    pass
