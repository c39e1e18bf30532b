"""Models in 16 bits where a kernel was measured to pay, against fp32 in the same runtime: torch, and OpenVINO where it is installed.

Bound: never slower (CPU time of paired runs on one thread; the whole 95 % interval of the ratio lies above 1.0), unless nothing is
converted, which is said. SQNR and size are printed beside it.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.openvino.runner import Runner
from inc_adaptors.parity import sqnr_db
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_bench.intervals import ratio_interval
from inc_config.capabilities import Capabilities
from inc_config.dtypes import BF16, FP16
from inc_config.plan import FLOAT
from inc_config.target import Runtime, Target
from models import bert_base, images, mobilenet_v2, resnet50, token_rows
from torch import nn

BOUND = 1.0
ROUNDS = 20
WARMUP = 3


def main() -> int:
    """Measure, print the table and return 1 where the bound is missed."""
    torch.set_num_threads(1)
    print(f"{'model, runtime':<28}{'16 bits':>9}{'fp32 ms':>9}{'mixed ms':>10}{'ratio':>22}{'SQNR dB':>9}{'MB':>16}")
    missed = [torch_model("cnn", cnn(), images(1)[0]), torch_model("encoder", Encoder().eval(), torch.randn(1, 128, 768).numpy())]
    if importlib.util.find_spec("openvino") is None:
        print("OpenVINO: not compared, it is not installed here")
    else:
        for name, make, batch in (
            ("resnet50", resnet50, images(1)[0]),
            ("mobilenet_v2", mobilenet_v2, images(1)[0]),
            ("bert, 6 layers", lambda: bert_base(layers=6), token_rows(1)[0]),
        ):
            missed.append(openvino_model(name, make(), batch))
    return 1 if any(missed) else 0


def torch_model(name: str, model: nn.Module, batch: Any) -> bool:
    """One model in torch; whether it missed the bound."""
    adaptor = TorchAdaptor()
    handle = adaptor.open(model)
    found = halves(adaptor, handle, adaptor.target(), batch)
    made = adaptor.emitter(handle, Statistics(values={}, samples=0), found).emit(found.plan())
    runs = [adaptor.bind(each, [batch], threads=1)[0] for each in (handle, made)]
    noise = sqnr_db(adaptor.predict(handle, batch)[0], adaptor.predict(made, batch)[0])
    return row(f"{name}, torch", found, runs, noise, [adaptor.size_bytes(handle), adaptor.size_bytes(made)])


def openvino_model(name: str, model: Any, batch: Any) -> bool:
    """One model in OpenVINO; whether it missed the bound."""
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(model)
    found = halves(adaptor, handle, Target(runtime=Runtime.OPENVINO, isa=adaptor.target().isa), batch)
    made = adaptor.emitter(handle, Statistics(values={}, samples=0), found).emit(found.plan(), final=True)
    feed = {handle.signature.inputs[0].name: batch}
    wide, mixed = (Runner(each.native, threads=1) for each in (handle, made))
    noise = sqnr_db(wide.run(feed)[0], mixed.run(feed)[0])
    sizes = [adaptor.size_bytes(handle), adaptor.size_bytes(made)]
    return row(f"{name}, openvino", found, [lambda: wide.run(feed), lambda: mixed.run(feed)], noise, sizes)


def halves(adaptor: Any, handle: Any, target: Target, batch: Any) -> Capabilities:
    """The model's operators with 16-bit options and no integers."""
    found = adaptor.capabilities(handle, target, batches=[batch])
    bare = attrs.evolve(found, ops=[attrs.evolve(op, options=(FLOAT,), reason=None) for op in found.ops])
    made: Capabilities = adaptor.half(handle, bare, (BF16, FP16), batches=[batch])
    return made


def row(name: str, found: Capabilities, runs: Sequence[Callable[[], object]], noise: float, sizes: Sequence[int]) -> bool:
    """Time both, print a line; whether the bound is missed."""
    count = f"{len(found.lowerable)}/{len(found.ops)}"
    if not found.lowerable:
        print(f"{name:<28}{count:>9}  nothing to convert here")
        return False
    times = np.zeros((ROUNDS, 2))
    for turn in range(-WARMUP, ROUNDS):
        for which in (0, 1) if turn % 2 else (1, 0):
            began = time.process_time()
            runs[which]()
            if turn >= 0:
                times[turn, which] = time.process_time() - began
    ratio, low, high = ratio_interval(times[:, 0] / times[:, 1], confidence=0.95)
    wide, mixed = np.median(times, axis=0) * 1e3
    shown = f"{ratio:.2f} [{low:.2f}, {high:.2f}]"
    megabytes = " -> ".join(f"{size / 1e6:.1f}" for size in sizes)
    print(f"{name:<28}{count:>9}{wide:>9.1f}{mixed:>10.1f}{shown:>22}{noise:>9.1f}{megabytes:>16}", verdict(low, high))
    return high < BOUND


def verdict(low: float, high: float) -> str:
    """What the interval says of the bound."""
    return "holds" if low >= BOUND else "missed" if high < BOUND else "inconclusive"


def cnn() -> nn.Module:
    """A residual-free network of ResNet-18's widths."""
    torch.manual_seed(0)

    def block(inside: int, out: int, stride: int) -> list[nn.Module]:
        first = nn.Conv2d(inside, out, 3, stride=stride, padding=1, bias=False)
        second = nn.Conv2d(out, out, 3, padding=1, bias=False)
        return [first, nn.BatchNorm2d(out), nn.ReLU(), second, nn.BatchNorm2d(out), nn.ReLU()]

    blocks = [layer for widths in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)) for layer in block(*widths)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000)]
    model = nn.Sequential(nn.Conv2d(3, 64, 7, stride=2, padding=3), nn.ReLU(), nn.MaxPool2d(2), *blocks, *head).eval()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)  # so that the signal does not fade from layer to layer
    return model


class Encoder(nn.Module):
    """Four encoder layers of BERT-base's widths, attention with one head."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention = nn.ModuleList(nn.Linear(768, 768) for _ in range(16))
        self.wide = nn.ModuleList(nn.Linear(768, 3072) for _ in range(4))
        self.narrow = nn.ModuleList(nn.Linear(3072, 768) for _ in range(4))
        self.norm = nn.LayerNorm(768)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape (batch, length, 768) in and out."""
        for layer, (wide, narrow) in enumerate(zip(self.wide, self.narrow, strict=True)):
            query, key, value, out = self.attention[4 * layer : 4 * layer + 4]
            scores = torch.softmax(query(x) @ key(x).transpose(-1, -2) / 27.7, -1)
            x = self.norm(x + out(scores @ value(x)))
            x = self.norm(x + narrow(nn.functional.gelu(wide(x))))
        return x


if __name__ == "__main__":
    sys.exit(main())
