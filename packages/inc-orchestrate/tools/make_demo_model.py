"""Make the model and the data that `inc demo` ships: a small CNN trained on scikit-learn's digits.

Run from anywhere with torch, scikit-learn and onnx installed: ``python make_demo_model.py``. The seed fixes everything but the last bits of
floating-point sums, which differ between builds of torch.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from torch import nn

SEED = 0
SHIPPED = 797
"""Images that the model never saw and the demo ships; the other 1,000 train it."""
EPOCHS = 40
OUTPUT = Path(__file__).resolve().parents[1] / "src" / "inc_orchestrate" / "demo_data"


class DigitNet(nn.Module):
    """Four convolutions (one with a residual) over ``(N, 1, 32, 32)``, then a linear head of 10 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(1, 32)
        self.widen = _conv(32, 64)
        self.residual = _conv(64, 64)
        self.deepen = _conv(64, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Class scores ``(N, 10)``."""
        x = nn.functional.max_pool2d(torch.relu(self.stem(images)), 2)
        x = torch.relu(self.widen(x))
        x = torch.relu(x + self.residual(x))
        x = torch.relu(self.deepen(nn.functional.max_pool2d(x, 2)))
        return self.head(x.mean((2, 3)))


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    layers = {"conv": nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), "norm": nn.BatchNorm2d(outputs)}
    return nn.Sequential(OrderedDict(layers))


def upscale(digits: np.ndarray) -> np.ndarray:
    """Each of the 8x8 pixels (0 to 16) becomes 4x4 pixels in [0, 1], shape ``(N, 1, 32, 32)``, as the demo does it too."""
    return (digits.repeat(4, axis=1).repeat(4, axis=2)[:, None] / 16).astype(np.float32)


def train(images: torch.Tensor, labels: torch.Tensor) -> DigitNet:
    """Train with shifts of up to 3 pixels as the only augmentation."""
    torch.manual_seed(SEED)
    net = DigitNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=EPOCHS * (len(images) // 50))
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images)).split(50):
            dy, dx = torch.randint(-3, 4, (2,)).tolist()
            loss = nn.functional.cross_entropy(net(images[rows].roll((dy, dx), (2, 3))), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


def to_onnx(net: DigitNet) -> onnx.ModelProto:
    """Write the graph by hand, batch norms folded: operators get names for people, and nothing of this machine is in the file."""
    nodes, weights = [], []

    def add(kind: str, name: str, inputs: list[str], **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [f"{name}_out"], name=name, **attributes))
        return f"{name}_out"

    def conv(name: str, x: str) -> str:
        block = net.get_submodule(name)
        fused = nn.utils.fuse_conv_bn_eval(block.conv, block.norm)
        weights.extend([_initializer(f"{name}.weight", fused.weight), _initializer(f"{name}.bias", fused.bias)])
        return add("Conv", name, [x, f"{name}.weight", f"{name}.bias"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    x = add("MaxPool", "stem_pool", [add("Relu", "stem_relu", [conv("stem", "image")])], **pool)
    x = add("Relu", "widen_relu", [conv("widen", x)])
    x = add("Relu", "residual_relu", [add("Add", "residual_add", [x, conv("residual", x)])])
    x = add("Relu", "deepen_relu", [conv("deepen", add("MaxPool", "residual_pool", [x], **pool))])
    x = add("Flatten", "flatten", [add("GlobalAveragePool", "average", [x])], axis=1)
    weights.extend([_initializer("head.weight", net.head.weight), _initializer("head.bias", net.head.bias)])
    nodes.append(helper.make_node("Gemm", [x, "head.weight", "head.bias"], ["scores"], name="head", transB=1))
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 32, 32])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 10])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="inc-orchestrate demo")
    onnx.checker.check_model(model, full_check=True)
    return model


def _initializer(name: str, value: torch.Tensor) -> TensorProto:
    return numpy_helper.from_array(value.detach().numpy(), name)


def main() -> None:
    """Train, export and write the three files; print how good the model is."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    digits = load_digits()
    order = np.random.default_rng(SEED).permutation(len(digits.images))
    shipped, training = order[:SHIPPED], order[SHIPPED:]
    net = train(torch.from_numpy(upscale(digits.images[training])), torch.from_numpy(digits.target[training]))
    with torch.no_grad():
        scores = net(torch.from_numpy(upscale(digits.images[shipped]))).numpy()
    OUTPUT.mkdir(exist_ok=True)
    onnx.save(to_onnx(net), OUTPUT / "digits.onnx")
    np.save(OUTPUT / "images.npy", digits.images[shipped].astype(np.uint8), allow_pickle=False)
    np.save(OUTPUT / "labels.npy", digits.target[shipped].astype(np.uint8), allow_pickle=False)
    sizes = {path.name: path.stat().st_size for path in sorted(OUTPUT.iterdir())}
    print(f"accuracy on the {SHIPPED} shipped images: {(scores.argmax(1) == digits.target[shipped]).mean():.4f}; bytes: {sizes}")


if __name__ == "__main__":
    main()
