"""Small real models of scikit-learn's digits, trained once per session."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from inc_orchestrate import Progress, Training
from sklearn.datasets import load_digits
from torch import nn


@attrs.frozen(eq=False)
class Digits:
    """16 x 16 digits as torch tensors, in three disjoint parts of batches."""

    train: list[Any]
    calibration: list[Any]
    evaluation: list[Any]


class Net(nn.Module):
    """Two convolutions, one of them heavy enough for integers, and two linear layers."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.pool = nn.MaxPool2d(4)
        self.fc1 = nn.Linear(channels * 16, 32)
        self.head = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(torch.relu(self.conv2(torch.relu(self.conv1(x)))))
        return self.head(torch.relu(self.fc1(x.flatten(1))))


def adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=2e-3)


def state(model: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def digits() -> Digits:
    images, labels = load_digits(return_X_y=True)
    images = np.kron((images / 16).astype(np.float32).reshape(-1, 1, 8, 8), np.ones((1, 1, 2, 2), dtype=np.float32))
    order = np.random.default_rng(0).permutation(len(images))
    x, y = torch.from_numpy(images[order]), torch.from_numpy(labels[order])

    def batches(start: int, stop: int, size: int) -> list[Any]:
        return [(x[i : i + size], y[i : i + size]) for i in range(start, stop, size)]

    return Digits(train=batches(0, 1000, 50), calibration=batches(1000, 1100, 25), evaluation=batches(1200, 1600, 100))


@pytest.fixture(scope="session")
def trained(digits: Digits) -> nn.Module:
    """Reaches about 95 % in six epochs."""
    torch.manual_seed(0)
    model = Net()
    optimizer = adam(model.parameters())
    for _ in range(6):
        for inputs, targets in digits.train:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), targets).backward()
            optimizer.step()
    return model.eval()


@pytest.fixture
def model(trained: nn.Module) -> nn.Module:
    return copy.deepcopy(trained)


@pytest.fixture
def architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """``module:function`` of a fresh ``Net``, in a module that worker processes can import."""
    source = f"import torch\nfrom torch import nn\n\n{inspect.getsource(Net)}\ndef make():\n    return Net()\n"
    name = f"models_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return f"{name}:make"


@pytest.fixture
def training(digits: Digits) -> Callable[..., Training]:
    def make(**options: Any) -> Training:
        return Training(digits.train, nn.CrossEntropyLoss(), adam, **({"epochs": 2} | options))

    return make


@pytest.fixture
def quiet() -> Progress:
    return Progress(quiet=True)


@pytest.fixture(scope="session")
def onnx_path(trained: nn.Module, digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained model as an ONNX file."""
    from inc_adaptors.detect import adaptor_for

    adaptor = adaptor_for(trained)
    path = tmp_path_factory.mktemp("onnx") / "digits.onnx"
    adaptor.export_onnx(adaptor.open(trained), path, example_inputs=digits.calibration[0][0])  # type: ignore[attr-defined]  # torch exports
    return path
