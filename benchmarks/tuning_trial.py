"""One more tuning trial of a ResNet-50-shaped network beyond its evaluation, against creating a session of that model.

A trial here is everything the tuner does for it: proposing, emitting the plan's model, creating its session, its size, and the ledger's
events on the disk; the evaluation itself runs nothing. Bound: at most 1.5 times the session alone (CPU time of paired runs; the whole
95 % interval lies below it).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.roles import Adaptor
from inc_bench.intervals import ratio_interval
from inc_config.quantization import QuantizeConfig
from inc_config.tuning import ExitPolicy, TuningConfig
from inc_orchestrate import Progress
from inc_orchestrate.candidates import candidates
from inc_orchestrate.data import calibration_data
from inc_orchestrate.scoring import CallableEvaluator, Judgement, Score, Terms
from inc_orchestrate.tuner import Search, Setting
from inc_strategy import Ledger
from models import images, resnet50

BOUND = 1.5
ROUNDS = 12


class SessionOnly(CallableEvaluator):
    """An evaluation that creates the session and predicts nothing."""

    def judge(self, adaptor: Adaptor, handle: ModelHandle, terms: Terms) -> Judgement:
        """Create the session; the value is far outside the criterion, so that the search goes on."""
        adaptor.predictor(handle, threads=1)
        return Judgement(score=Score(value=0.5))


def main() -> int:
    """Measure, print and return 1 where the bound is not certain to hold."""
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(resnet50())
    config = QuantizeConfig(tuning=TuningConfig(exit_policy=ExitPolicy(max_trials=1000)))
    quiet = Progress(quiet=True)
    data = calibration_data(images(2), samples=2, signature=handle.signature)
    found = candidates(adaptor, handle, config, example=data.first, calibration=data, progress=quiet)
    evaluator = SessionOnly(lambda _: 1.0)
    setting = Setting(
        adaptor=adaptor,
        evaluator=evaluator,
        baseline=Score(value=1.0),
        calibration=data,
        example=data.first,
        workspace=None,
        progress=quiet,
    )
    pairs = []
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder), {}) as ledger:
        search = Search(handle, found, config, setting, ledger=ledger, dispatch=None)
        search.step()  # the first one also quantizes the weights
        for _ in range(ROUNDS):
            trial = cpu_s(search.step)
            plan = search.view.trials[-1].plan
            made = found.emitter.emit(plan)
            pairs.append((trial, cpu_s(partial(adaptor.predictor, made, threads=1))))
    times = np.array(pairs)
    ratio, low, high = ratio_interval(times[:, 0] / times[:, 1], confidence=0.95)
    trial, session = np.median(times, axis=0)
    print(f"one more trial {trial:.3f} CPU s, its session {session:.3f} CPU s")
    verdict = "holds" if high <= BOUND else "missed" if low > BOUND else "inconclusive"
    print(f"{ratio:.2f}x [{low:.2f}, {high:.2f}], bound {BOUND:g} {verdict}")
    return int(verdict != "holds")


def cpu_s(call: Callable[[], object]) -> float:
    """Seconds of CPU of one call."""
    began = time.process_time()
    call()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
