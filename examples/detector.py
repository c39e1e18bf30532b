"""A detector with a box-and-score head, trained here on generated scenes: why joined ranges need a guard.

The exported model ends as detectors do: box coordinates in pixels up to 1,024 and class scores between 0 and 1, joined in one Concat.
Quantized to 8 bits with one scale, the scores are gone. ``python examples/detector.py`` trains it, quantizes it with onnxruntime's own
defaults and with ours, and prints mean average precision for both.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnxruntime
import torch
from inc_metrics import CocoMeanAP
from numpy.typing import NDArray
from torch import nn

Array = NDArray[Any]

SIDE = 128
STRIDE = 16
PIXELS = 8.0  # of the camera's frame of 1,024 x 1,024 per pixel of the image; predictions are in the camera's
CELLS = SIDE // STRIDE
CLASSES = 3  # filled box, frame, disc
_BASE = 32.0  # pixels, the size that a head output of zero stands for


@attrs.frozen(eq=False)
class Scene:
    """An image (3, SIDE, SIDE) with its objects: boxes (M, 4) as corners in pixels, labels (M,)."""

    image: Array
    boxes: Array
    labels: Array


def scenes(count: int, *, seed: int) -> list[Scene]:
    """Noisy scenes with one to three shapes, each in a cell of its own."""
    rng = np.random.default_rng(seed)
    return [_scene(rng) for _ in range(count)]


def _scene(rng: np.random.Generator) -> Scene:
    image = rng.normal(0.0, 0.08, (3, SIDE, SIDE)).astype(np.float32)
    boxes: list[Array] = []
    labels: list[int] = []
    for _ in range(rng.integers(1, 4)):
        width, height = rng.uniform(18, 46, 2)
        x, y = rng.uniform(0, SIDE - width), rng.uniform(0, SIDE - height)
        box = np.array([x, y, x + width, y + height])
        if any((box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3]) for b in boxes):
            continue
        label = int(rng.integers(CLASSES))
        _draw(image, box, label, rng.uniform(0.5, 1.0, 3))
        boxes.append(box)
        labels.append(label)
    return Scene(image, np.array(boxes, np.float32), np.array(labels, np.int64))


def _draw(image: Array, box: Array, label: int, colour: Array) -> None:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    inside = (columns > box[0]) & (columns < box[2]) & (rows > box[1]) & (rows < box[3])
    if label == 1:
        inside &= ~((columns > box[0] + 5) & (columns < box[2] - 5) & (rows > box[1] + 5) & (rows < box[3] - 5))
    if label == 2:
        middle_x, middle_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        inside &= ((columns - middle_x) / (box[2] - box[0])) ** 2 + ((rows - middle_y) / (box[3] - box[1])) ** 2 < 0.25
    image[:, inside] += colour[:, None].astype(np.float32)


class Detector(nn.Module):
    """Images (N, 3, SIDE, SIDE) to predictions (N, CELLS * CELLS, 4 + CLASSES): centre and size in the camera's pixels, then scores."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 16, 24, 32, 64)
        layers: list[nn.Module] = []
        for inside, out in pairwise(widths):
            layers += [nn.Conv2d(inside, out, 3, 2, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
        layers += [nn.Conv2d(64, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.box = nn.Conv2d(64, 4, 1)
        self.score = nn.Conv2d(64, CLASSES, 1)
        nn.init.constant_(self.score.bias, -3.0)
        rows, columns = torch.meshgrid(torch.arange(CELLS), torch.arange(CELLS), indexing="ij")
        self.register_buffer("grid", torch.stack([columns, rows]).reshape(1, 2, -1).float())

    def raw(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Boxes (N, 4, cells) and score logits (N, CLASSES, cells) before decoding."""
        features = self.body(images)
        return self.box(features).flatten(2), self.score(features).flatten(2)

    def decode(self, box: torch.Tensor) -> torch.Tensor:
        """Centres and sizes in pixels of the image."""
        centre = (torch.sigmoid(box[:, :2]) + self.grid) * STRIDE
        return torch.cat([centre, torch.exp(box[:, 2:]) * _BASE], 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """What is exported."""
        box, score = self.raw(images)
        return torch.cat([self.decode(box) * PIXELS, torch.sigmoid(score)], 1).transpose(1, 2)


def train(data: list[Scene], *, epochs: int = 12, seed: int = 0) -> Detector:
    """Fit a detector: focal loss for scores, L1 for decoded boxes, in well under a minute on one core."""
    torch.manual_seed(seed)
    model = Detector()
    images = torch.from_numpy(np.stack([scene.image for scene in data]))
    wanted, boxes = (torch.from_numpy(np.stack(part)) for part in zip(*map(_targets, data), strict=True))
    optimizer = torch.optim.AdamW(model.parameters(), 4e-3)
    steps = epochs * -(-len(data) // 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=steps)
    for _ in range(epochs):
        for index in torch.randperm(len(data)).split(32):
            loss = _loss(model, images[index], wanted[index], boxes[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def _targets(scene: Scene) -> tuple[Array, Array]:
    """Per cell the class that has its centre there (one-hot (CLASSES, cells)) and its box (4, cells)."""
    scores, boxes = np.zeros((CLASSES, CELLS, CELLS), np.float32), np.zeros((4, CELLS, CELLS), np.float32)
    for box, label in zip(scene.boxes, scene.labels, strict=True):
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        column, row = (centre // STRIDE).astype(int)
        scores[label, row, column] = 1.0
        boxes[:, row, column] = (*centre, *size)
    return scores.reshape(CLASSES, -1), boxes.reshape(4, -1)


def _loss(model: Detector, images: torch.Tensor, wanted: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    box, score = model.raw(images)
    crossed = nn.functional.binary_cross_entropy_with_logits(score, wanted, reduction="none")
    focal = crossed * (wanted - torch.sigmoid(score)).abs() ** 2
    found = wanted.amax(1, keepdim=True)
    count = found.sum().clamp(min=1.0)
    return 4.0 * focal.sum() / count + 0.1 * ((model.decode(box) - boxes).abs() * found).sum() / count


def export(model: Detector, path: Path) -> Path:
    """Write the detector as ONNX with a dynamic batch axis."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own future
        program = torch.onnx.export(
            model, (torch.zeros(2, 3, SIDE, SIDE),), dynamic_shapes=({0: torch.export.Dim("n")},), input_names=["images"],
            output_names=["found"], dynamo=True, verbose=False,
        )  # fmt: skip
    program.save(str(path), external_data=False)
    return path


def detections(output: Array, *, least: float = 0.02, overlap: float = 0.5) -> dict[str, Array]:
    """One image's predictions (cells, 4 + CLASSES) as boxes, scores and labels, after non-maximum suppression per class."""
    centre, size, scores = output[:, :2], output[:, 2:4], output[:, 4:]
    corners = np.concatenate([centre - size / 2, centre + size / 2], 1)
    cells, labels = np.nonzero(scores > least)
    order = np.argsort(-scores[cells, labels], kind="stable")
    kept: list[int] = []
    for index in order:
        rivals = [k for k in kept if labels[k] == labels[index]]
        if all(_overlap(corners[cells[index]], corners[cells[k]]) < overlap for k in rivals):
            kept.append(int(index))
    return {"boxes": corners[cells[kept]], "scores": scores[cells[kept], labels[kept]], "labels": labels[kept]}


def _overlap(a: Array, b: Array) -> float:
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0.0, None)
    common = float(sides[0] * sides[1])
    return common / float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common + 1e-9)


def mean_average_precision(model: bytes, data: list[Scene]) -> float:
    """COCO's mAP (IoU 0.5 to 0.95) of an ONNX model over scenes, 0 to 1."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    metric = CocoMeanAP()
    for start in range(0, len(data), 32):
        part = data[start : start + 32]
        (found,) = session.run(None, {"images": np.stack([scene.image for scene in part])})
        targets = [{"boxes": scene.boxes * PIXELS, "labels": scene.labels} for scene in part]
        metric.update([detections(output) for output in found], targets)
    return float(metric.result())


def quantized_by_onnxruntime(path: Path, calibration: list[Scene], folder: Path) -> bytes:
    """What ``onnxruntime.quantization.quantize_static`` makes of the model with its defaults."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static  # noqa: PLC0415  (its import is slow)

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(calibration)

        def get_next(self) -> dict[str, Array] | None:
            scene = next(self.rest, None)
            return None if scene is None else {"images": scene.image[None]}

    quantize_static(str(path), str(folder / "theirs.onnx"), Reader())
    return (folder / "theirs.onnx").read_bytes()


def quantized_by_us(path: Path, calibration: list[Scene]) -> tuple[bytes, list[str]]:
    """What our default plan makes of it, and the operators the range guard kept in float."""
    from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor  # noqa: PLC0415  (so that training alone needs nothing of it)

    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(path)
    capabilities = adaptor.capabilities(handle, adaptor.target())
    batches = [scene.image[None] for scene in calibration]
    statistics = adaptor.observe(handle, batches, adaptor.wanted(capabilities, (capabilities.plan(),)))
    capabilities = adaptor.guard(handle, capabilities, statistics)
    made = adaptor.emitter(handle, statistics, capabilities).emit(capabilities.plan(), final=True)
    guarded = [f"{op.op}: {op.reason}" for op in capabilities.ops if op.reason is not None and op.reason.code.value == "range_guard"]
    return made.native.SerializeToString(), guarded


def main() -> int:
    """Train, quantize twice, compare; returns 1 where ours loses more than half a point of mAP."""
    torch.set_num_threads(1)
    data, calibration, held_out = scenes(640, seed=1), scenes(48, seed=2), scenes(192, seed=3)
    with tempfile.TemporaryDirectory(prefix="inc-detector-") as name:
        path = export(train(data), Path(name) / "detector.onnx")
        before = mean_average_precision(path.read_bytes(), held_out)
        theirs = mean_average_precision(quantized_by_onnxruntime(path, calibration, Path(name)), held_out)
        made, guarded = quantized_by_us(path, calibration)
        ours = mean_average_precision(made, held_out)
    print("\n".join(guarded))
    print(f"mAP: fp32 {before:.4f}, onnxruntime's defaults {theirs:.4f}, ours {ours:.4f} ({(ours - before) * 100:+.2f} points)")
    return 0 if ours >= before - 0.005 else 1


if __name__ == "__main__":
    sys.exit(main())
