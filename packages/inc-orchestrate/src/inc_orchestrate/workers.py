"""Trials on other workers, through any ``concurrent.futures.Executor``.

What travels is text: the path of a job folder, a plan as JSON, and the name of an importable function. A worker rebuilds the emitter once
per job from that folder and keeps it.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors import store
from inc_adaptors.detect import adaptor_named
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Emitter, Quantizes, Stores, require
from inc_adaptors.statistics.store import Statistics
from inc_config.capabilities import Capabilities
from inc_config.convert import from_json, to_json
from inc_config.errors import EvaluationError, IncError
from inc_config.files import atomic_write
from inc_config.plan import QuantizationPlan

from inc_orchestrate.scoring import CallableEvaluator, Evaluator, finite_number

_STEP = "trials on workers"
_MODEL, _CAPABILITIES, _STATISTICS = "model", "capabilities.json", "statistics.safetensors"
_WHERE = "Pipeline(workers=..., evaluate=...)"
_FIX = "put it into a module that the workers can import: def evaluate(model) -> float in judge.py, then evaluate=judge.evaluate"


@attrs.frozen(kw_only=True, eq=False)
class Workers:
    """Where trials run.

    Args:
        make: a factory of executors, such as ``partial(ProcessPoolExecutor, 4)`` or ``client.get_executor``; it is asked again when an
            executor breaks. Any executor that sends a function of this package and a dictionary of texts will do, MPI's too.
        count: how many trials may be under way.
        folder: a folder that all workers see; None is for workers on this machine.
    """

    make: Callable[[], Executor]
    count: int = attrs.field(validator=attrs.validators.ge(1))
    folder: Path | None = attrs.field(default=None, converter=attrs.converters.optional(Path))


def function_name(evaluator: Evaluator) -> str:
    """``module:name`` of the user's evaluation.

    Raises:
        EvaluationError: it cannot be found by that name elsewhere.
    """
    function = evaluator.function if isinstance(evaluator, CallableEvaluator) else None
    if function is None:
        what = f"{type(evaluator).__name__} holds data of this process; trials on workers need a function."
        raise EvaluationError(what, where=_WHERE, fix=_FIX)
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module in (None, "__main__") or "<" in name or not name:
        shown = name or type(function).__name__
        raise EvaluationError(f"Workers cannot import {shown} of {module}.", where=_WHERE, fix=_FIX)
    if _function(f"{module}:{name}") is not function:
        raise EvaluationError(f"{module}.{name} is another object than the one given.", where=_WHERE, fix=_FIX)
    return f"{module}:{name}"


def write_job(folder: Path, adaptor: Adaptor, handle: ModelHandle, capabilities: Capabilities, statistics: Statistics) -> None:
    """Put into ``folder`` what workers need to make any plan's model.

    Raises:
        IncError: the model cannot be rebuilt from files alone (PyTorch models need their class).
    """
    stores = require(adaptor, Stores, step=_STEP)
    store.save(stores.to_saved(handle), folder / _MODEL)
    atomic_write(folder / _CAPABILITIES, to_json(capabilities).encode())
    attrs.evolve(statistics, model_fingerprint="", data_fingerprint="").save(folder / _STATISTICS)
    stores.from_saved(store.load(folder / _MODEL).model)


def submit(executor: Executor, folder: Path, adaptor: Adaptor, plan: QuantizationPlan, function: str) -> Future[dict[str, Any]]:
    """Start one trial."""
    payload = {"folder": str(folder), "framework": adaptor.name, "plan": to_json(plan), "function": function}
    return executor.submit(run_trial, payload)


def run_trial(payload: Mapping[str, str]) -> dict[str, Any]:
    """What a worker does: ``accuracy``, ``size_bytes`` and ``seconds``, or an ``error``."""
    began = time.monotonic()
    try:
        adaptor, emitter = _job(payload["folder"], payload["framework"])
        made = emitter.emit(from_json(payload["plan"], QuantizationPlan))
        value = finite_number(_function(payload["function"])(made.native), where=payload["function"])
        found: dict[str, Any] = {"accuracy": value, "size_bytes": adaptor.size_bytes(made)}
    except Exception as error:  # noqa: BLE001  (whatever a plan's kernels or the user's evaluation raise fails this trial only)
        what = error.what if isinstance(error, IncError) else str(error)
        found = {"error": f"{type(error).__name__}: {what}"}
    return {**found, "seconds": time.monotonic() - began}


@lru_cache(maxsize=1)
def _job(folder: str, framework: str) -> tuple[Adaptor, Emitter]:
    adaptor = adaptor_named(framework)
    root = Path(folder)
    handle = require(adaptor, Stores, step=_STEP).from_saved(store.load(root / _MODEL).model)
    capabilities = from_json((root / _CAPABILITIES).read_text("utf-8"), Capabilities)
    statistics = Statistics.load(root / _STATISTICS, model_fingerprint="", data_fingerprint="")
    return adaptor, require(adaptor, Quantizes, step=_STEP).emitter(handle, statistics, capabilities)


def _function(name: str) -> Callable[[Any], Any]:
    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise EvaluationError(f"{name} is not a function.", where=_WHERE, fix=_FIX)
    function: Callable[[Any], Any] = found
    return function
