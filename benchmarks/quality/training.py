"""Train the networks, write them as ONNX, and keep them in a folder: minutes once, then nothing."""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import numpy as np
import onnx
import torch
from quality.data import LENGTH, SIDE, Labelled, images, sequences
from quality.networks import Depthwise, Encoder, Recurrent, ResNetLike
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

CACHE = Path(tempfile.gettempdir()) / "inc-benchmarks-quality-1"
"""Count up when data or training change."""

_BATCH = 64
_SEED = 0


@attrs.frozen(eq=False)
class Recipe:
    """How one model is made: a network, its data, how many samples and epochs, and what follows training."""

    network: Callable[[], nn.Module]
    data: Callable[..., Labelled]
    samples: int
    epochs: int
    rate: float
    finish: Callable[[nn.Module], None] = lambda network: None


def _grow_outliers(network: nn.Module) -> None:
    assert isinstance(network, Encoder)
    network.grow_outliers()


RECIPES: Mapping[str, Recipe] = {
    "resnet": Recipe(ResNetLike, images, 8000, 5, 4e-3),
    "depthwise": Recipe(Depthwise, images, 8000, 8, 6e-3),
    "encoder": Recipe(Encoder, sequences, 12000, 4, 1.5e-3, _grow_outliers),
    "lstm": Recipe(Recurrent, sequences, 12000, 5, 4e-3),
}


def is_trained(name: str, folder: Path = CACHE) -> bool:
    """Whether the model is there."""
    return (folder / f"{name}.onnx").exists()


def model_file(name: str, folder: Path = CACHE) -> Path:
    """The trained model as an ONNX file, made where it is not there yet."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        made = folder / f"{name}.part"
        _write_detector(made) if name == "detector" else _write(RECIPES[name], made)
        _without_value_info(made)
        made.rename(path)
        print(f"trained {name} in {time.monotonic() - began:.0f} s", flush=True)
    return path


def _write(recipe: Recipe, path: Path) -> None:
    torch.manual_seed(_SEED)
    network = recipe.network()
    _train(network, recipe)
    network.eval()
    recipe.finish(network)
    _fold(network)
    example = torch.zeros(2, 3, SIDE, SIDE) if recipe.data is images else torch.zeros(2, LENGTH, dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own future
        program = torch.onnx.export(
            network, (example,), dynamic_shapes=({0: torch.export.Dim("n")},), input_names=["x"], output_names=["logits"], dynamo=True,
            verbose=False,
        )  # fmt: skip
    program.save(str(path), external_data=False)


def _without_value_info(path: Path) -> None:
    """Take out the shapes that the exporter notes down: the old system changes weights and trips over them."""
    model = onnx.load(path)
    del model.graph.value_info[:]
    onnx.save(model, path)


def _train(network: nn.Module, recipe: Recipe) -> None:
    data = recipe.data(recipe.samples, seed=1)
    inputs, labels = torch.from_numpy(data.inputs), torch.from_numpy(data.labels)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=1e-2)
    steps = recipe.epochs * -(-len(labels) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps)
    for _ in range(recipe.epochs):
        for index in torch.randperm(len(labels)).split(_BATCH):
            loss = nn.functional.cross_entropy(network(inputs[index]), labels[index])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()


def _fold(network: nn.Module) -> None:
    """Fold batch normalization, which every tool is given folded."""
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            for index in range(len(module) - 1):
                conv, norm = module[index], module[index + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[index], module[index + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()


def _write_detector(path: Path) -> None:
    sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
    import detector

    detector.export(detector.train(detector.scenes(640, seed=1)), path)


def held_out(name: str, count: int, *, seed: int) -> Labelled:
    """Samples that no training has seen."""
    return RECIPES[name].data(count, seed=seed)


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of samples whose largest logit is the label's."""
    return float(np.mean(logits.argmax(axis=1) == labels))
