"""``inc diagnose``: what is wrong with a quantized model, whichever tool made it."""

from __future__ import annotations

import argparse
import json
import math
import re
import shlex
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors.batches import fixed_size
from inc_adaptors.detect import adaptor_for
from inc_adaptors.diagnosis import POOR_DB, Diagnosis, OperatorDiagnosis
from inc_adaptors.handle import Signature
from inc_adaptors.roles import Diagnoses, require
from inc_config.errors import StoreError
from inc_config.files import atomic_write
from inc_data import DataLoader

from inc_orchestrate.cli.arguments import Parser, count
from inc_orchestrate.cli.data import check_fit, open_data
from inc_orchestrate.cli.terminal import command, console, say, show
from inc_orchestrate.data import first_batches
from inc_orchestrate.report.document import Bullets, Command, Document, Paragraph, Section, Table, Verdict
from inc_orchestrate.report.figures import latency, percent
from inc_orchestrate.report.html import to_html

_WORST = 8


def add_arguments(parser: Parser) -> None:
    """Declare what ``inc diagnose`` takes."""
    parser.add_argument("model", metavar="FP32", help="the float ONNX model")
    parser.add_argument("quantized", metavar="INT8", help="its quantized form, by any tool")
    parser.add_argument("--data", metavar="PATH", type=Path, required=True, help="a folder of images, .npy or .npz")
    parser.add_argument("--preprocess", metavar="NAME|FILE", help="what the model was trained with: a name, or a .json file of steps")
    parser.add_argument("--image-mode", choices=("RGB", "L"), default="RGB", help="read images in colour (default) or grey")
    parser.add_argument("--samples", metavar="N", type=count, default=8, help="compare on N samples (default 8)")
    parser.add_argument("--batch-size", metavar="N", type=count, help="samples per batch, also for the times (default 1)")
    parser.add_argument("--html", metavar="FILE", type=Path, help="also write the report as one HTML page")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")


def run(options: argparse.Namespace, command_line: str) -> int:
    """Compare, explain, propose."""
    adaptor = adaptor_for(options.model)
    diagnoses = require(adaptor, Diagnoses, step="diagnose")
    exact, quantized = adaptor.open(options.model), adaptor.open(options.quantized)
    source = open_data(
        options.data, preprocess=options.preprocess, image_mode=options.image_mode, signature=exact.signature, model=options.model
    )
    check_fit(source, adaptor, exact, where=f"--data {options.data}, the first sample")
    signature = _with_size_of(exact.signature, quantized.signature)
    loader = DataLoader(source.dataset, batch_size=options.batch_size or fixed_size(signature) or 1)
    found = diagnoses.diagnose(exact, quantized, first_batches(loader, signature, options.samples))
    document = report(found, options)
    if options.html is not None:
        _write(options.html, to_html(document))
    if options.json:
        print(json.dumps(as_json(found), indent=2))
        return 0
    out = console()
    for section in document.sections:
        if section.heading:
            out.print()
            say(out, section.heading, style="bold")
        for block in section.blocks:
            if isinstance(block, Paragraph):
                say(out, block.text)
            elif isinstance(block, Bullets):
                for item in block.items:
                    say(out, f"- {item}")
            elif isinstance(block, Command):
                command(out, block.text)
            else:
                show(out, block)
    return 0


def _with_size_of(signature: Signature, other: Signature) -> Signature:
    """The signature with the only batch size that the other model takes, where it leaves its own open."""
    size = fixed_size(other)
    if size is None or fixed_size(signature) is not None:
        return signature
    inputs = tuple(attrs.evolve(spec, shape=(size, *spec.shape[1:])) if spec.shape else spec for spec in signature.inputs)
    return attrs.evolve(signature, inputs=inputs)


def report(found: Diagnosis, options: argparse.Namespace) -> Document:
    """The diagnosis as a document."""
    outputs = tuple(str(output) for output in found.outputs)
    excluded = tuple((each.name, each.why) for each in found.exclusions)
    closing: tuple[Any, ...] = (Paragraph(text="Nothing: no operator is both quantized and better left in float."),)
    if excluded:
        closing = (Table(head=("operator", "why"), rows=excluded), Command(text=next_command(found, options)))
    return Document(
        title=f"Diagnosis of {options.quantized}",
        sections=(
            Section(blocks=(_verdict(found), Bullets(items=(*outputs, *_risks(found), *found.findings)))),
            Section(heading="Noise of every quantized operator", blocks=(_noise(found),)),
            Section(heading="Operators that got slower", blocks=(_slower(found),)),
            Section(heading="Worst operators by themselves", blocks=(_worst(found),)),
            Section(heading="What to leave in float", blocks=closing),
        ),
    )


def next_command(found: Diagnosis, options: argparse.Namespace) -> str:
    """The ``inc quantize`` that leaves the proposed operators in float."""
    parts = ["inc", "quantize", options.model, "--data", str(options.data)]
    parts += ["--preprocess", options.preprocess] if options.preprocess else []
    parts += [part for each in found.exclusions for part in ("--exclude", re.escape(each.name))]
    return shlex.join([*parts, "-o", "out/"])


def as_json(found: Diagnosis) -> dict[str, Any]:
    """Plain data; infinite ratios are null, as JSON has no infinity."""
    ratios = [row.ratio for row in found.operators]
    document: dict[str, Any] = attrs.asdict(found)
    for row, ratio in zip(document["operators"], ratios, strict=True):
        row["ratio"] = ratio
    plain: dict[str, Any] = _finite(document)
    return plain


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _verdict(found: Diagnosis) -> Verdict:
    worst = min((output.sqnr_db for output in found.outputs), default=math.inf)
    speed = found.float_s / found.quantized_s if found.quantized_s else 1.0
    converting = percent(found.overhead_s / (found.quantized_s or 1.0))
    text = (
        f"{decibels(worst)} at the worst output, {speed:.2f} times as fast as float by its operators' times "
        f"({latency(found.float_s)} -> {latency(found.quantized_s)} ms, {converting} of it conversions)"
    )
    return Verdict(text=text, is_good=worst >= POOR_DB and speed > 1.0)


def _risks(found: Diagnosis) -> tuple[str, ...]:
    worst = max(found.saturation_db, default=0.0)
    if worst < 0.1:
        return (f"saturation: these {found.samples} samples lose nothing on a processor without VNNI",)
    at_risk = [row.name for row in found.operators if row.clipped_db < 60.0]
    named = ", ".join(at_risk[:_WORST]) + (f" and {len(at_risk) - _WORST} more" if len(at_risk) > _WORST else "")
    return (f"saturation: on a processor without VNNI int16 pairs overflow and {worst:.1f} dB are lost; most of it in {named}",)


def _noise(found: Diagnosis) -> Table:
    rows = tuple((row.name, row.type, decibels(row.alone_db), decibels(row.cumulative_db)) for row in found.operators)
    return Table(head=("operator", "type", "alone", "cumulative"), rows=rows, numeric=(2, 3))


def _slower(found: Diagnosis) -> Table:
    slow = [row for row in found.operators if row.slower_because]
    slow.sort(key=lambda row: (row.float_s or 0.0) - (row.quantized_s or 0.0))
    rows = tuple((row.name, latency(row.float_s or 0.0), latency(row.quantized_s or 0.0), row.slower_because) for row in slow)
    return Table(head=("operator", "float ms", "int8 ms", "why"), rows=rows or (("none", "", "", ""),), numeric=(1, 2))


def _worst(found: Diagnosis) -> Table:
    known: list[tuple[float, OperatorDiagnosis]] = [(row.alone_db, row) for row in found.operators if row.alone_db is not None]
    known.sort(key=lambda pair: pair[0])
    rows = tuple((row.name, row.type, decibels(value)) for value, row in known[:_WORST])
    return Table(head=("operator", "type", "alone"), rows=rows, numeric=(2,))


def decibels(value: float | None) -> str:
    """An SQNR as people read it."""
    if value is None:
        return "-"
    return "exact" if value == math.inf else f"{value:.1f} dB"


def _write(path: Path, text: str) -> None:
    try:
        atomic_write(path, text.encode())
    except OSError as error:
        raise StoreError(
            f"The report cannot be written: {error.strerror or error}.", where=f"--html {path}", fix="give a file in a folder you may write"
        ) from error
