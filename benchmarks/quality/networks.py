"""Small networks of the families that quantization treats differently."""

from __future__ import annotations

import torch
from quality.data import CLASSES, TOKENS
from torch import Tensor, nn


def _norm_conv(inside: int, out: int, size: int = 3, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inside, out, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out))


class _Residual(nn.Module):
    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = _norm_conv(inside, out, stride=stride), _norm_conv(out, out)
        self.side = nn.Identity() if inside == out and stride == 1 else _norm_conv(inside, out, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(x))) + self.side(x))


class ResNetLike(nn.Module):
    """Residual blocks of 3x3 convolutions; images (N, 3, 32, 32) to logits."""

    def __init__(self) -> None:
        super().__init__()
        blocks = (_Residual(32, 32, 1), _Residual(32, 64, 2), _Residual(64, 64, 1), _Residual(64, 128, 2), _Residual(128, 128, 1))
        self.body = nn.Sequential(_norm_conv(3, 32, stride=2), nn.ReLU(), *blocks)
        self.head = nn.Linear(128, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, CLASSES)."""
        return self.head(self.body(x).mean((2, 3)))


class _Inverted(nn.Module):
    def __init__(self, inside: int, out: int, stride: int, widen: int = 4) -> None:
        super().__init__()
        wide = inside * widen
        self.has_side = inside == out and stride == 1
        depthwise = _norm_conv(wide, wide, stride=stride, groups=wide)
        self.body = nn.Sequential(_norm_conv(inside, wide, 1), nn.ReLU6(), depthwise, nn.ReLU6(), _norm_conv(wide, out, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.has_side else self.body(x)


class Depthwise(nn.Module):
    """Inverted residuals with depthwise convolutions; images (N, 3, 32, 32) to logits."""

    def __init__(self) -> None:
        super().__init__()
        blocks = (_Inverted(24, 24, 1), _Inverted(24, 40, 2), _Inverted(40, 40, 1), _Inverted(40, 64, 2), _Inverted(64, 64, 1))
        self.body = nn.Sequential(_norm_conv(3, 24, stride=2), nn.ReLU6(), *blocks, _norm_conv(64, 192, 1), nn.ReLU6())
        self.head = nn.Linear(192, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, CLASSES)."""
        return self.head(self.body(x).mean((2, 3)))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.joined = (nn.Linear(width, width) for _ in range(4))
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        y = self.before(x)
        q, k, v = (part(y).reshape(n, length, self.heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value))
        seen = torch.softmax(q @ k.transpose(2, 3) * (width // self.heads) ** -0.5, -1) @ v
        x = x + self.joined(seen.transpose(1, 2).reshape(n, length, width))
        return x + self.narrow(nn.functional.gelu(self.wide(self.between(x))))


class Encoder(nn.Module):
    """Pre-norm attention blocks; tokens (N, LENGTH) to logits."""

    def __init__(self, width: int = 128, layers: int = 3, heads: int = 4, length: int = 32) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(TOKENS, width), nn.Parameter(torch.randn(length, width) * 0.1)
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))
        self.last, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, CLASSES)."""
        y = self.tokens(x) + self.places
        for block in self.blocks:
            y = block(y)
        return self.head(self.last(y).mean(1))

    @torch.no_grad()
    def grow_outliers(self, *, channels: int = 4, factor: float = 24.0, seed: int = 3) -> None:
        """Let a few channels behind every LayerNormalization be ``factor`` times as large, as those of large language models are.

        The products that read them have their weights divided by as much: what the network computes stays the same.
        """
        generator = torch.Generator().manual_seed(seed)
        for block in self.blocks:
            for norm, readers in ((block.before, (block.query, block.key, block.value)), (block.between, (block.wide,))):
                chosen = torch.randperm(norm.weight.numel(), generator=generator)[:channels]
                norm.weight[chosen] *= factor
                norm.bias[chosen] *= factor
                for reader in readers:
                    reader.weight[:, chosen] /= factor


class Recurrent(nn.Module):
    """An LSTM with two matrix products behind it; tokens (N, LENGTH) to logits."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.tokens, self.lstm = nn.Embedding(TOKENS, 64), nn.LSTM(64, width, batch_first=True)
        self.hidden, self.head = nn.Linear(width, 256), nn.Linear(256, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, CLASSES)."""
        made, _ = self.lstm(self.tokens(x))
        return self.head(torch.relu(self.hidden(made.mean(1))))
