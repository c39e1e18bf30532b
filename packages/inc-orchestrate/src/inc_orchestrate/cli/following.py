"""The command that is useful next, with the arguments filled in."""

from __future__ import annotations

import math
import re
import shlex
from pathlib import Path

from inc_adaptors.handle import Signature
from inc_config.target import Runtime
from inc_config.tuning import ExitPolicy

from inc_orchestrate.cli import folder
from inc_orchestrate.summary import AccuracySummary, Summary

# How the library's suggestions spell what the command line calls otherwise.
_SPELLINGS = (
    (re.compile(r"relative accuracy_loss=(\S+)"), r"--max-drop \1"),
    (re.compile(r"absolute accuracy_loss=(\S+)"), r"an absolute loss (--max-drop in points) of \1"),
    (re.compile(r"max_trials=(\d+)"), r"--max-trials \1"),
    (re.compile(r"activation_threshold"), "--threshold"),
    (re.compile(r"approach '(\w+)'"), r"--approach \1"),
)


def in_options(suggestion: str) -> str:
    """A suggestion of the library in the words of the command line."""
    for spelling, option in _SPELLINGS:
        suggestion = spelling.sub(option, suggestion)
    return suggestion


def resumed(command_line: str) -> str:
    """The same command, going on instead of starting over."""
    return shlex.join([*_without(shlex.split(command_line), flags=("--force", "--resume")), "--resume"])


def following(
    command_line: str,
    *,
    model: Path,
    output: Path,
    summary: Summary,
    exit_policy: ExitPolicy,
    runtime: Runtime = Runtime.ONNXRUNTIME,
    signature: Signature | None = None,
) -> str:
    """Time the models where the criterion holds, with the tool of ``runtime``; else search on, or allow what the best model needs."""
    if summary.accuracy.is_met:
        return shlex.join(_timing(runtime, str(model), str(output / folder.MODEL), signature))
    words = _without(shlex.split(command_line), flags=("--force", "--resume"))
    if len(summary.trials) >= exit_policy.max_trials:
        return shlex.join([*_without(words, options=("--max-trials",)), "--max-trials", str(2 * exit_policy.max_trials), "--resume"])
    if exit_policy.timeout_s > 0.0:
        return shlex.join([*_without(words, options=("--timeout",)), "--timeout", f"{2.0 * exit_policy.timeout_s:g}s", "--resume"])
    needed = needed_drop(summary.accuracy)
    if needed is None:
        return shlex.join([*words, "--approach", "auto", "--force"])
    return shlex.join([*_without(words, options=("--max-drop",)), "--max-drop", needed, "--force"])


def _timing(runtime: Runtime, model: str, made: str, signature: Signature | None) -> list[str]:
    """What times the model where it will run; OpenVINO's and TensorRT's own tools take a single one."""
    if runtime is Runtime.OPENVINO:
        inputs = () if signature is None else signature.inputs
        shapes = ",".join(f"{spec.name}[{','.join(str(size or 1) for size in spec.shape)}]" for spec in inputs)
        return ["benchmark_app", "-m", made, "-d", "CPU", "-hint", "latency", *(["-data_shape", shapes] if shapes else [])]
    if runtime is Runtime.TENSORRT:
        return ["trtexec", f"--onnx={made}", "--int8"]
    return ["inc-bench", model, "--compare", made]


def needed_drop(accuracy: AccuracySummary) -> str | None:
    """The ``--max-drop`` that the delivered model meets, rounded up to two digits; None where that is no percentage below 100."""
    if not accuracy.original or accuracy.final is None:
        return None
    lost = abs(accuracy.original - accuracy.final) / abs(accuracy.original) * 100.0
    if not 0.0 < lost < 100.0:
        return None
    step = 10.0 ** (math.floor(math.log10(lost)) - 1)
    return f"{math.ceil(lost / step) * step:.10g}%"


def _without(words: list[str], *, flags: tuple[str, ...] = (), options: tuple[str, ...] = ()) -> list[str]:
    """Leave out flags, and options with their values in either spelling (``--name value``, ``--name=value``)."""
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in options:
            skip = True
        elif word not in flags and not word.startswith(tuple(f"{option}=" for option in options)):
            kept.append(word)
    return kept
