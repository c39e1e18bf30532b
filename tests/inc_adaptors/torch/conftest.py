from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional


@pytest.fixture(autouse=True)
def one_thread_and_fixed_seed() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(before)


class Residual(nn.Module):
    """Conv + BN + functional ReLU, a residual sum, pooling, and a shared ReLU module."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.norm0 = nn.BatchNorm2d(16)
        self.conv1 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(functional.relu(self.norm0(self.stem(x))), 2)
        y = self.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        y += x
        x = self.relu(y)
        return self.head(functional.adaptive_avg_pool2d(x, 1).flatten(1))


class Chain(nn.Sequential):
    """Everything a Sequential can fuse: Conv + BN + ReLU, grouped and strided convolutions, ReLU6, and two Linear layers."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 16, 3, padding="same"), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.BatchNorm2d(16), nn.ReLU6(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 1), nn.ReLU(inplace=True),
            nn.Flatten(), nn.Linear(32 * 4 * 4, 24), nn.ReLU(), nn.Dropout(), nn.Linear(24, 5),
        )  # fmt: skip


class TwoInputs(nn.Module):
    """Two inputs by name, a 1-d convolution, ``view`` after it, a dict as output."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 8, 3, padding=1)
        self.left = nn.Linear(8 * 10, 12)
        self.right = nn.Linear(6, 12)

    def forward(self, signal: torch.Tensor, extra: torch.Tensor) -> dict[str, Any]:
        x = self.conv(signal).view(signal.size(0), -1)
        total = self.left(x) + self.right(extra)
        return {"logits": total, "nothing": None, "pair": (total.tanh(), [total.relu()])}


class Twice(nn.Module):
    """One module called twice on inputs of different ranges, and its weight tied to another layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(16, 16)
        self.twin = nn.Linear(16, 16)
        self.twin.weight = self.shared.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.twin(self.shared(self.shared(x).relu() * 20.0))


def trained(model: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """Batch norms with statistics of their own, as training leaves them."""
    model.train()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
        for _ in range(5):
            model(torch.rand(8, *shape))
    return model.eval()


@pytest.fixture
def models() -> SimpleNamespace:
    return SimpleNamespace(Residual=Residual, Chain=Chain, TwoInputs=TwoInputs, Twice=Twice, trained=trained)


@attrs.frozen(kw_only=True)
class Training:
    loader: Any
    loss: Any
    optimizer: Any
    epochs: int | None = None
    steps: int | None = None
    scheduler: Any = None
    device: str | None = None
    seed: int = 0


@pytest.fixture
def training() -> type[Training]:
    return Training


@pytest.fixture
def images() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.random((4, 3, 8, 8), np.float32) * 2 - 0.5 for _ in range(3)]


def decibels(reference: np.ndarray, other: np.ndarray) -> float:
    """Signal to noise ratio."""
    noise = float(np.square(reference.astype(np.float64) - other).mean())
    return float("inf") if noise == 0 else 10.0 * np.log10(float(np.square(reference.astype(np.float64)).mean()) / noise)


@pytest.fixture
def sqnr() -> Any:
    return decibels
