"""The main job, end to end: prune, distil and quantize a trained model, save it, load it, measure it; then the same model on ONNX Runtime.

Run it with ``nox -s demo``. Exits non-zero when a criterion is missed, nothing was quantized, a latency interval includes 1, or a reloaded
model answers differently. ``--quick`` trains small models for one epoch, to see every route in seconds; accuracy and speed promise nothing
then.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import digits
import numpy as np
import torch
from inc_adaptors.torch.adaptor import TorchAdaptor
from inc_config import BenchmarkConfig
from inc_metrics import Accuracy
from inc_orchestrate import Distill, Evaluation, FitResult, Pipeline, Prune, Quantize, Training, load
from inc_orchestrate.latency import SAME_MODEL
from rich.console import Console

CONSOLE = Console()
TIMED = BenchmarkConfig(batch_size=8)


def say(text: str) -> None:
    """Say what happens next."""
    CONSOLE.rule(text, align="left")


def failures(route: str, result: FitResult, same: bool) -> list[str]:
    """What the demo promises and this route does not keep."""
    summary = result.summary
    kept = {
        "the accuracy criterion is met": result.is_feasible,
        "operators are quantized": any(precision.startswith("int8") for precision in summary.by_precision),
        "the result is faster than fp32, with the whole interval above 1": all(
            found.low > 1 for found in summary.latency if not found.against.startswith(SAME_MODEL)
        ),
        "latencies were measured": bool(summary.latency),
        "the reloaded model answers the same": same,
    }
    return [f"{route}: not true that {promise}" for promise, true in kept.items() if not true]


def report(route: str, result: FitResult, same: bool) -> list[str]:
    """Print one route's tables and return its failures."""
    say(route)
    print(result)
    CONSOLE.print(f"saved, loaded again, and compared on the evaluation data: {'identical' if same else 'DIFFERENT'}")
    return failures(route, result, same)


def outputs(model: torch.nn.Module, loader: torch.utils.data.DataLoader) -> np.ndarray:
    """A torch model's logits over a loader, shape (N, 10)."""
    with torch.no_grad():
        return np.concatenate([model(images).numpy() for images, _ in loader])


def torch_route(mode: str, epochs: int, student: digits.DigitsNet, teacher: torch.nn.Module, data: dict, *, folder: Path) -> list[str]:
    """Prune, distil and quantize the student in PyTorch, each training stage for so many epochs."""
    result = Pipeline(
        [
            Prune(target_sparsity=0.5, pattern="4x1", criterion="snip_momentum", frequency=4),
            Distill(teacher=teacher, temperature=4.0),
            Quantize(approach="static", accuracy_loss=0.01),
        ],
        mode=mode,
        train=Training(data["train"], loss=torch.nn.functional.cross_entropy, optimizer=lambda p: torch.optim.Adam(p, 1e-3), epochs=epochs),
        calibrate=data["calibration"],
        evaluate=Evaluation(data["evaluation"], Accuracy()),
        benchmark=TIMED,
    ).fit(student)
    result.save(folder / mode)
    again = load(folder / mode, model=digits.DigitsNet(student.channels))
    same = np.array_equal(outputs(again, data["evaluation"]), outputs(result.model, data["evaluation"]))
    return report(f"PyTorch, {mode}", result, same)


def onnx_route(student: torch.nn.Module, data: dict, folder: Path) -> list[str]:
    """Quantize the student after its export to ONNX."""
    adaptor = TorchAdaptor()
    path = adaptor.export_onnx(adaptor.open(student), folder / "student.onnx", example_inputs=next(iter(data["train"]))[0][:1])
    evaluate = Evaluation(data["evaluation"], Accuracy())
    result = Pipeline([Quantize(accuracy_loss=0.01)], calibrate=data["calibration"], evaluate=evaluate, benchmark=TIMED).fit(path)
    result.save(folder / "onnx")
    same = load(folder / "onnx").SerializeToString() == result.model.SerializeToString()
    return report("ONNX Runtime", result, same)


def main() -> int:
    """Run all three routes; 0 when every promise is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small models, one epoch")
    quick = parser.parse_args().quick
    epochs = 1 if quick else 4
    began = time.monotonic()
    torch.manual_seed(0)
    torch.set_num_threads(2)
    data = digits.loaders()
    student, teacher = (digits.DigitsNet(width) for width in ((8, 16) if quick else (64, 96)))
    for name, model in (("student", student), ("teacher", teacher)):
        say(f"training the {name}: {sum(p.numel() for p in model.parameters()):,} parameters, {epochs} epochs")
        digits.train(model, data["train"], epochs=epochs)
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        for mode, stage_epochs in (("multi-shot", 3), ("one-shot", 5)):
            say(f"prune, distil and quantize in PyTorch, {mode}")
            missed += torch_route(mode, 1 if quick else stage_epochs, student, teacher, data, folder=Path(folder))
        say("export to ONNX and quantize for ONNX Runtime")
        missed += onnx_route(student, data, Path(folder))
    say(f"done in {time.monotonic() - began:.0f} s")
    for line in missed:
        CONSOLE.print(line, style="bold red")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
