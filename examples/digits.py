"""Data and models of the demo: scikit-learn's bundled digits at 32x32, a student and a bigger teacher."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SIZE = 32
CLASSES = 10


def images_and_labels() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The 1,797 digits as (N, 1, 32, 32) float32 in [0, 1], and their labels."""
    small, labels = load_digits(return_X_y=True)

    def enlarged(digit: NDArray[np.float64]) -> NDArray[np.float32]:
        picture = Image.fromarray((digit.reshape(8, 8) * 15.9375).astype(np.uint8))
        return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32)[None] / 255

    return np.stack([enlarged(digit) for digit in small]), labels.astype(np.int64)


def loaders(*, batch_size: int = 64, seed: int = 0) -> dict[str, DataLoader]:
    """Disjoint loaders: ``train`` 60 %, ``calibration`` 10 %, ``evaluation`` 30 % of the digits, stratified."""
    images, labels = images_and_labels()
    train, rest, train_labels, rest_labels = train_test_split(images, labels, test_size=0.4, random_state=seed, stratify=labels)
    parts = train_test_split(rest, rest_labels, test_size=0.25, random_state=seed, stratify=rest_labels)
    held, calibration, held_labels, calibration_labels = parts

    def loader(x: NDArray[np.float32], y: NDArray[np.int64], *, shuffle: bool = False) -> DataLoader:
        data = TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
        return DataLoader(data, batch_size, shuffle=shuffle, generator=torch.Generator().manual_seed(seed))

    return {
        "train": loader(train, train_labels, shuffle=True),
        "calibration": loader(calibration, calibration_labels),
        "evaluation": loader(held, held_labels),
    }


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class DigitsNet(nn.Module):
    """Four 3x3 convolutions of ``channels`` and twice as many, global pooling and a linear classifier; logits of shape (N, 10)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.features = nn.Sequential(
            _convolution(1, channels),
            nn.MaxPool2d(2),
            _convolution(channels, channels),
            _convolution(channels, 2 * channels),
            nn.MaxPool2d(2),
            _convolution(2 * channels, 2 * channels),
        )
        self.classifier = nn.Linear(2 * channels, CLASSES)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Classify images of shape (N, 1, 32, 32)."""
        return self.classifier(self.features(images).mean((2, 3)))


def train(model: nn.Module, loader: DataLoader, *, epochs: int, learning_rate: float = 2e-3) -> None:
    """Train from scratch with Adam and a one-cycle learning rate."""
    optimizer = torch.optim.Adam(model.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=epochs * len(loader))
    model.train()
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
            schedule.step()
    model.eval()
