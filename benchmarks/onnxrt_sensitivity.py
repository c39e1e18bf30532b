"""Noise of every operator alone on integers: what all of a ResNet-50 shape cost, and how well they are ranked.

Cost: one probe of the whole plan, as a search makes it, against one inference pass over the same 64 images (those that a search keeps),
in turns, by CPU time on one thread. Bound: at most 2.5 times.

Ranking: operators of models trained for ``quality_against_peers`` (those that are there already) and of the model that
``tuning_three.py`` makes, scored by the probe on 64 samples and by every operator on 100 samples. Printed are Spearman's correlation and
how much of the noise of the worst three the three have that the probe says are worst. Bounds: the three traps are found; a correlation of
0.8 and three quarters of the noise.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import onnx
import tuning_three
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.plan import OpId, QuantizationPlan
from inc_orchestrate.candidates import PROBE_SAMPLES
from inc_orchestrate.probes import Prober, noise_share
from inc_orchestrate.progress import Progress
from inc_strategy import Probe
from interleaved import FEWEST_PAIRS, now, since, summarized
from models import images, resnet50
from quality.judged import detector_data, labelled_data
from quality.training import is_trained, model_file
from scipy.stats import spearmanr

BOUND = 2.5
WORST = 3
LEAST_SHARE, LEAST_CORRELATION = 0.75, 0.8
ROUNDS = FEWEST_PAIRS + 2
CALM = 0.95
TRAINED = ("resnet", "depthwise", "encoder", "lstm", "detector")


def main() -> int:
    """Measure, print and return 1 where a bound is not certain to hold."""
    cheap = costs()
    return int(not all([cheap, *ranked()]))


@attrs.frozen(eq=False)
class Case:
    """A prober of one model and its default plan."""

    prober: Prober
    plan: QuantizationPlan

    @classmethod
    def of(cls, model: Any, samples: Sequence[np.ndarray]) -> Case:
        """Calibrated on all samples, with those that a search would keep for probes."""
        adaptor = OnnxrtAdaptor(threads=1)
        handle = adaptor.open(model)
        found = adaptor.capabilities(handle, adaptor.target(), batches=samples[:1])
        statistics = adaptor.observe(handle, samples, adaptor.wanted(found, (found.plan(),)))
        found = adaptor.guard(handle, found, statistics, batches=samples[:1])
        emitter = adaptor.emitter(handle, statistics, found)
        emitter.emit(found.plan())  # quantizes the weights, which the first trial does before any probe
        kept = tuple(samples[:PROBE_SAMPLES])
        return cls(Prober(adaptor=adaptor, original=handle, emitter=emitter, batches=kept, progress=Progress(quiet=True)), found.plan())

    def probed(self) -> dict[OpId, float]:
        """Scores as a search gets them."""
        result = self.prober.run(0, Probe("mse", self.plan, self.plan.quantized))
        if result.error:
            raise SystemExit(result.error)
        return dict(result.scores)

    def exhaustive(self, samples: Sequence[np.ndarray], ops: Sequence[OpId]) -> dict[OpId, float]:
        """Each operator alone in a model of its own, on all samples."""
        adaptor, emit = self.prober.adaptor, self.prober.emitter.emit
        expected = _outputs(adaptor.predictor(self.prober.original, threads=1), samples)
        plans = {op: self.plan.with_float(set(self.plan.quantized) - {op}) for op in ops}
        return {op: noise_share(_outputs(adaptor.predictor(emit(plan), threads=1), samples), expected) for op, plan in plans.items()}


def _outputs(predict: Any, samples: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(output, np.float64) for sample in samples for output in predict(sample)]


def costs() -> bool:
    """Whether the bound on time holds."""
    feeds = images(PROBE_SAMPLES)
    case = Case.of(resnet50(), feeds)
    run = case.prober.adaptor.predictor(case.prober.original, threads=1)
    run(feeds[0])
    case.probed()
    ratios, undisturbed = [], []
    for _ in range(ROUNDS):
        began = now()
        for feed in feeds:
            run(feed)
        middle = now()
        scores = case.probed()
        spent = since(began, middle), since(middle, now())
        ratios.append(spent[1][0] / spent[0][0])
        undisturbed.append(min(cpu / wall for cpu, wall in spent) >= CALM)
    ratio = summarized(np.array(ratios), np.array(undisturbed))
    scored = sum(score > 0.0 for score in scores.values())
    verdict = ratio.verdict(BOUND)
    print(f"{scored} operators alone, {len(feeds)} images: {ratio} one inference pass, bound {BOUND}x: {verdict}", flush=True)
    return verdict == "holds"


def ranked() -> Iterator[bool]:
    """Whether each model's operators are ranked well enough."""
    print(f"\n{'model':<11}{'operators':>9}{'Spearman':>10}   noise of the worst {WORST} that are found")
    for name, model, samples in _models():
        case = Case.of(model, samples)
        probed = {op: score for op, score in case.probed().items() if score > 0.0}
        exact = case.exhaustive(samples, tuple(probed))
        given = _worst(probed)
        found = sum(exact[op] for op in given) / sum(exact[op] for op in _worst(exact))
        correlation = spearmanr([probed[op] for op in exact], list(exact.values()))[0]
        holds = found >= LEAST_SHARE and correlation >= LEAST_CORRELATION
        holds = holds and (name != "traps" or {op.scope for op in given} == set(tuning_three.TRAPS))
        print(f"{name:<11}{len(exact):>9}{correlation:>10.2f}   {found:.0%}{'' if holds else ': NOT HELD'}", flush=True)
        yield holds


def _worst(scores: dict[OpId, float]) -> list[OpId]:
    return sorted(scores, key=lambda op: -scores[op])[:WORST]


def _models() -> Iterator[tuple[str, Any, list[np.ndarray]]]:
    with tempfile.TemporaryDirectory() as name:
        tuning_three.write_job(Path(name))
        yield "traps", onnx.load(Path(name) / "model.onnx"), _singly(np.load(Path(name) / "calibration.npy"))
    for kind in filter(is_trained, TRAINED):
        data = detector_data(1) if kind == "detector" else labelled_data(kind, 1)
        yield kind, model_file(kind), _singly(data.calibration(tuning_three.CALIBRATION))


def _singly(samples: np.ndarray) -> list[np.ndarray]:
    return [samples[place : place + 1] for place in range(len(samples))]


if __name__ == "__main__":
    sys.exit(main())
