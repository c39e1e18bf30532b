"""One more tuning trial of a ResNet-50-shaped network beyond its evaluation, against creating a session of that model and the old system's.

A trial here is everything the tuner does for it: proposing, emitting the plan's model, creating its session, its size, and the ledger's
events on the disk; the evaluation itself runs nothing. Bound: at most 1.5 times the session alone, by CPU time; the whole 95 % interval
lies below it. The session is timed where the trial creates it: a second one of the same model finds memory in another state, and was up to
a third faster or slower. ``sensitivity_first``, the default, halves the network, so that its models hold the most weights in float;
``basic`` puts one operator back at a time.

The old system's trial is what happens between two of its calls of an evaluation that returns at once (no session is created in it), in a
process of its own, by ``basic``, calibrated with two images. Bound: 20 times ours by ``basic``, CPU time of both.
It needs an environment with ``neural-compressor==2.6 onnx==1.18.0 onnxruntime "numpy<2" six "setuptools<81"``, whose interpreter
``--old PYTHON`` or the variable ``INC_OLD_PYTHON`` names.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import onnx
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
from inc_orchestrate.search import Search
from inc_orchestrate.setting import Setting
from inc_strategy import Ledger
from models import images, resnet50
from numpy.typing import NDArray

BOUND = 1.5
OLD_BOUND = 20.0
ROUNDS = 40
OLD_TRIALS = 12

OLD = """
import json
import time
import numpy as np
from neural_compressor import quantization
from neural_compressor.config import AccuracyCriterion, PostTrainingQuantConfig, TuningCriterion

class Loader:
    batch_size = 1
    def __iter__(self):
        for image in np.load("images.npy"):
            yield image, 0

marks = []

def evaluate(model):
    marks.append(time.process_time())
    return 1.0 if len(marks) == 1 else 0.5

if __name__ == "__main__":
    tuning = TuningCriterion(strategy="basic", max_trials=%d)
    config = PostTrainingQuantConfig(
        calibration_sampling_size=[2], tuning_criterion=tuning, accuracy_criterion=AccuracyCriterion(tolerable_loss=0.01)
    )
    quantization.fit("model.onnx", config, calib_dataloader=Loader(), eval_func=evaluate)
    with open("marks.json", "w") as file:
        json.dump(marks, file)
"""


@attrs.frozen(eq=False)
class SessionOnly(CallableEvaluator):
    """An evaluation that creates the session, notes how long that took, and predicts nothing."""

    seconds: list[float] = attrs.field(factory=list, kw_only=True)

    def judge(self, adaptor: Adaptor, handle: ModelHandle, terms: Terms) -> Judgement:
        """Create the session; the value is far outside the criterion, so that the search goes on."""
        self.seconds.append(cpu_s(lambda: adaptor.predictor(handle, threads=1)))
        return Judgement(score=Score(value=0.5))


def main(arguments: list[str]) -> int:
    """Measure, print and return 1 where a bound is not certain to hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", metavar="PYTHON", default=os.environ.get("INC_OLD_PYTHON"))
    old = parser.parse_args(arguments).old
    verdicts = []
    for strategy in ("sensitivity_first", "basic"):
        trials, sessions = ours(strategy)
        print(f"{strategy}: one more trial {np.median(trials):.3f} CPU s, its session {np.median(sessions):.3f} CPU s")
        ratio, low, high = ratio_interval(trials / sessions, confidence=0.95)
        verdicts.append("holds" if high <= BOUND else "missed" if low > BOUND else "inconclusive")
        print(f"{ratio:.2f}x [{low:.2f}, {high:.2f}], bound {BOUND:g} {verdicts[-1]}")
    if old is None:
        print("not compared with the old system: name its interpreter by --old or INC_OLD_PYTHON")
        return 1
    theirs = old_trials(old)
    ratio, low, high = ratio_interval(theirs / np.median(trials), confidence=0.95)
    verdicts.append("holds" if low >= OLD_BOUND else "missed" if high < OLD_BOUND else "inconclusive")
    print(f"the old system's trial {np.median(theirs):.2f} CPU s")
    print(f"{ratio:.1f}x ours by basic [{low:.1f}, {high:.1f}], bound {OLD_BOUND:g} {verdicts[-1]}")
    return int(set(verdicts) != {"holds"})


def ours(strategy: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """CPU seconds of each of our trials, and of the session in it; probes between trials are none."""
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(resnet50())
    config = QuantizeConfig(tuning=TuningConfig(strategy=strategy, exit_policy=ExitPolicy(max_trials=1000)))
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
    trials: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder), {}) as ledger:
        search = Search(handle, found, config, setting, ledger=ledger, dispatch=None)
        search.step()  # the first one also quantizes the weights
        before = len(evaluator.seconds)
        while len(trials) < ROUNDS:
            seconds, known = cpu_s(search.step), before + len(trials)
            trials += [seconds] if len(evaluator.seconds) > known else []
    return np.array(trials), np.array(evaluator.seconds[before:])


def old_trials(python: str) -> NDArray[np.float64]:
    """CPU seconds of each of the old system's trials after its first two (the first calibrates, the second switches the scheme)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        onnx.save(resnet50(), folder / "model.onnx")
        np.save(folder / "images.npy", np.stack(images(2)))
        (folder / "old.py").write_text(OLD % OLD_TRIALS, encoding="utf-8")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run([python, "old.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode:
            raise SystemExit(f"the old system failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        marks = json.loads((folder / "marks.json").read_text(encoding="utf-8"))
    return np.diff(np.array(marks, dtype=np.float64))[2:]


def cpu_s(call: Callable[[], object]) -> float:
    """Seconds of CPU of one call."""
    began = time.process_time()
    call()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
