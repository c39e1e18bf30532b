"""Quality of our default plan against other tools, on models trained here: accuracy, SQNR, size and latency in one table.

``python benchmarks/quality_against_peers.py [model ...] [--all] [--samples N]``: without names the models that train in a minute and
those that are trained already; ``--all`` every one. Trained models are kept in the system's temporary folder. Every tool quantizes the
same file on the same 100 samples in a process of its own (see ``peers``), and everything runs in onnxruntime on one thread.

Claims, per model: the accuracy drop of our default plan is not worse than that of the best tool (told from the same samples, so that
what the 95 % interval of the difference leaves open is "as good"); at most 0.2 points (resnet), 0.5 (depthwise, encoder, detector, lstm);
SQNR at least 1 dB above every tool that is as fast as ours or faster, within 3 %.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
from inc_bench import Comparison
from numpy.typing import NDArray
from peers import OURS, TOOLS, Job, quantized_by
from quality.judged import Judged, detector_data, labelled_data
from quality.scoring import Score, drop, outputs_of, sqnr_db, times_as_fast
from quality.training import is_trained, model_file

CALIBRATION = 100
BATCH = 8
WITHIN = 0.03
MARGIN_DB = 1.0
BOUNDS = {"resnet": 0.2, "depthwise": 0.5, "encoder": 0.5, "detector": 0.5, "lstm": 0.5}
SHORT = ("lstm", "detector")


def main(arguments: list[str]) -> int:
    """Print the table and the claims; returns 1 where one is missed."""
    options = _parser().parse_args(arguments)
    names = options.models or [name for name in BOUNDS if options.all or name in SHORT or is_trained(name)]
    print(f"{CALIBRATION} calibration samples, latency at batch {BATCH} on one thread: fp32 time over int8 time")
    print(f"{'model':<11}{'tool':<23}{'accuracy':>9}{'drop, points':>16}{'SQNR':>9}{'size':>7}   {'latency':<20}")
    missed = 0
    for name in names:
        missed += _model(name, options)
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("models", nargs="*", choices=[*BOUNDS, []], help="models to compare on")
    parser.add_argument("--all", action="store_true", help="every model; training all takes about ten minutes once")
    parser.add_argument("--samples", type=int, default=4000, help="held-out samples (the detector takes a tenth); 20000 halve intervals")
    parser.add_argument("--rounds", type=int, default=15, help="paired rounds of each latency")
    return parser


def _model(name: str, options: argparse.Namespace) -> int:
    model = model_file(name)
    data = detector_data(options.samples // 10) if name == "detector" else labelled_data(name, options.samples)
    with tempfile.TemporaryDirectory(prefix="inc-quality-") as folder:
        scores, files, faults = _scores(name, model, data, Path(folder), options.rounds)
        _print(name, scores, faults)
        return _claims(name, scores, files, data.inputs[:BATCH], options.rounds)


def _scores(name: str, model: Path, data: Judged, folder: Path, rounds: int) -> tuple[dict[str, Score], dict[str, Path], dict[str, str]]:
    samples = folder / "samples.npy"
    np.save(samples, data.calibration(CALIBRATION))
    scores = {"fp32": _score(model, data)}
    files, faults = {}, {}
    for index, tool in enumerate(TOOLS):
        output = folder / f"{index}.onnx"
        family = "transformer" if name == "encoder" else "cnn"
        made = quantized_by(tool, Job(model=model, samples=samples, output=output, family=family))
        if made.fault:
            faults[tool] = made.fault
            continue
        speed = times_as_fast(model, output, data.inputs[:BATCH], rounds=rounds)
        files[tool], scores[tool] = output, attrs.evolve(_score(output, data), speed=speed)
    return scores, files, faults


def _score(model: Path, data: Judged) -> Score:
    outputs = outputs_of(model, data.inputs)
    return Score(right=data.right(outputs), outputs=data.compared(outputs), size_bytes=model.stat().st_size)


def _print(name: str, scores: Mapping[str, Score], faults: Mapping[str, str]) -> None:
    before = scores["fp32"]
    for tool, score in scores.items():
        if score is before:
            print(f"{name:<11}{tool:<23}{score.accuracy:>9.4f}")
            continue
        lost, half = drop(before, score)
        size = f"{score.size_bytes / before.size_bytes:.2f}x"
        change = f"{lost:+.2f} ±{half:.2f}"
        print(f"{name:<11}{tool:<23}{score.accuracy:>9.4f}{change:>16}{sqnr_db(before, score):>6.1f} dB{size:>7}   {score.speed}")
    for tool, fault in faults.items():
        print(f"{name:<11}{tool:<23}{fault}")


def _claims(name: str, scores: Mapping[str, Score], files: Mapping[str, Path], batch: NDArray[np.generic], rounds: int) -> int:
    before, ours = scores["fp32"], scores.get(OURS)
    if ours is None:
        print(f"  {name}: no model of ours: missed")
        return 1
    lost, _ = drop(before, ours)
    verdicts = [(f"drop {lost:+.2f} points, bound {BOUNDS[name]}", "holds" if lost <= BOUNDS[name] else "missed")]
    peers = {tool: score for tool, score in scores.items() if tool not in ("fp32", OURS)}
    if peers:
        best = min(peers, key=lambda tool: drop(before, peers[tool])[0])
        behind, half = drop(peers[best], ours)
        verdict = "holds" if behind <= 0 else "as good (holds)" if behind <= half else "missed"
        verdicts.append((f"drop against the best tool ({best}): {behind:+.2f} ±{half:.2f} points", verdict))
    verdicts += [_sqnr_claim(scores, tool, times_as_fast(files[tool], files[OURS], batch, rounds=rounds)) for tool in peers]
    for claim, verdict in verdicts:
        print(f"  {name}: {claim}: {verdict}", flush=True)
    return sum(verdict == "missed" for _, verdict in verdicts)


def _sqnr_claim(scores: Mapping[str, Score], tool: str, speed: Comparison) -> tuple[str, str]:
    """SQNR against one tool, which counts unless it is slower than ours."""
    above = sqnr_db(scores["fp32"], scores[OURS]) - sqnr_db(scores["fp32"], scores[tool])
    claim = f"SQNR {above:+.1f} dB against {tool}, {speed} as fast as it"
    if above >= MARGIN_DB:
        return claim, "holds"
    return claim, "does not count: it is slower" if speed.low > 1.0 + WITHIN else "missed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
