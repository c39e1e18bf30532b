"""``inc demo``: the whole job on a tiny bundled model, without network, data or arguments."""

from __future__ import annotations

import argparse
import io
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from inc_config.errors import StoreError
from inc_config.files import atomic_write
from inc_config.quantization import QuantizeConfig
from inc_config.tuning import TuningConfig
from inc_data import ArrayDataset
from inc_metrics import Accuracy
from numpy.typing import NDArray
from rich.console import Console

from inc_orchestrate.cli import folder, plan, work
from inc_orchestrate.cli.arguments import Parser, drop
from inc_orchestrate.cli.data import UserData
from inc_orchestrate.cli.job import Job
from inc_orchestrate.cli.parts import divide
from inc_orchestrate.cli.terminal import command, console, say, show
from inc_orchestrate.planning import plan as plan_of

DATA = files("inc_orchestrate") / "demo_data"
_CALIBRATION_SAMPLES = 100


def add_arguments(parser: Parser) -> None:
    """Declare what ``inc demo`` takes."""
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, default=Path("inc-demo"), help="where to write (default ./inc-demo)")


def run(options: argparse.Namespace, command_line: str) -> int:
    """Plan, quantize and compare the bundled model."""
    output: Path = options.output
    # An earlier demo is replaced: there is nothing in it that a new one does not make again.
    folder.claim(output, command_line=command_line, resume=False, force=True)
    model = _bundled_model(output)
    allowed = drop("1%")
    out = console()
    say(out, "A small CNN that reads handwritten digits (scikit-learn's), trained in float32. First, what quantization would do to it:")
    out.print()
    report = plan_of(model)
    say(out, plan.header(report), style="bold")
    show(out, plan.operator_table(report.operators))
    out.print()
    say(out, f"Now with data: calibrate, quantize to int8, tune until the accuracy criterion holds ({allowed}), measure.")
    images, labels = bundled_data()
    dataset = UserData(ArrayDataset(images, labels))
    _write_data(output / folder.SAMPLES, images, labels)
    code = work.run(
        Job(
            model=model,
            config=QuantizeConfig(
                accuracy_loss=allowed.loss, calibration_samples=_CALIBRATION_SAMPLES, tuning=TuningConfig(ledger=output / folder.LEDGER)
            ),
            parts=divide(dataset, calibration=_CALIBRATION_SAMPLES, evaluation=None, batch_size=32),
            metric=Accuracy(keep_samples=True),
            criterion=f"accuracy, {allowed}",
            data=f"{len(dataset)} digits that the model was not trained on",
            recipe=None,
            output=output,
            command_line=command_line,
        )
    )
    _say_what_next(out, model, output / folder.SAMPLES)
    return code


def bundled_data() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The bundled digits as the model takes them, float32 ``(N, 1, 32, 32)`` in [0, 1], and their labels ``(N,)``.

    They are stored as 8x8 pixels of 0 to 16; each becomes 4x4 pixels, as in the model's training.
    """
    with as_file(DATA / "images.npy") as path:
        digits = np.load(path, allow_pickle=False)
    with as_file(DATA / "labels.npy") as path:
        labels = np.load(path, allow_pickle=False).astype(np.int64)
    return (digits.repeat(4, axis=1).repeat(4, axis=2)[:, None] / 16).astype(np.float32), labels


def _bundled_model(output: Path) -> Path:
    target = output / folder.ORIGINAL
    try:
        with as_file(DATA / "digits.onnx") as path:
            shutil.copyfile(path, target)
    except OSError as error:
        raise StoreError(
            f"The model cannot be written: {error.strerror or error}.", where=str(target), fix="give another folder with -o"
        ) from error
    return target


def _write_data(path: Path, images: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
    """The data as ``--data`` takes them, so that every other command can be tried on the same model."""
    made = io.BytesIO()
    np.savez_compressed(made, inputs=images, labels=labels)
    try:
        atomic_write(path, made.getvalue())
    except OSError as error:
        raise StoreError(
            f"The data cannot be written: {error.strerror or error}.", where=str(path), fix="give another folder with -o"
        ) from error


def _say_what_next(out: Console, model: Path, data: Path) -> None:
    say(out, f"The demo's fp32 model is {model}, its data are {data} (for --data). With a model of your own, start with its plan:")
    command(out, "inc plan MODEL.onnx")
