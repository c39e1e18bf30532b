"""Where trials and calibration run besides this process, and what may be sent there."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Stores, require
from inc_config.errors import EvaluationError, IncError, ModelError, StoreError

from inc_orchestrate.evaluation import Evaluation
from inc_orchestrate.job import STEP, fresh_model, function_of
from inc_orchestrate.label_free import LabelFree
from inc_orchestrate.steps.protocol import fault

_EVALUATE = "Pipeline(workers=..., evaluate=...)"
_EVALUATE_FIX = "put it into a module that the workers can import: def evaluate(model) -> float in judge.py, then evaluate=judge.evaluate"
_ARCHITECTURE = "Workers(architecture=...)"
_ARCHITECTURE_FIX = (
    "name a function without arguments that makes the untrained model: def make() -> MyNet in models.py, then "
    'Workers(..., architecture="models:make")'
)


@attrs.frozen(kw_only=True, eq=False)
class Workers:
    """Where trials run, and parts of the calibration.

    Args:
        make: a factory of executors, such as ``partial(ProcessPoolExecutor, 4)`` or ``client.get_executor``; it is asked again when an
            executor breaks. Any executor that sends a function of this package and a dictionary of texts will do, MPI's too.
        count: how many trials may be under way.
        folder: a folder that all workers see; None is for workers on this machine.
        architecture: for PyTorch models, whose code no file holds: ``"module:function"``, or the function itself, that makes a fresh
            model of the same architecture.
        threads: that a model runs on there when it answers an ``Evaluation`` or ``LabelFree``; 0 is the framework's default.
    """

    make: Callable[[], Executor]
    count: int = attrs.field(validator=attrs.validators.ge(1))
    folder: Path | None = attrs.field(default=None, converter=attrs.converters.optional(Path))
    architecture: str | Callable[[], Any] | None = None
    threads: int = attrs.field(default=0, validator=attrs.validators.ge(0))


def workers_faults(workers: Workers, evaluate: Any, adaptor: Adaptor, original: ModelHandle) -> tuple[IncError, ...]:
    """What would keep work from being sent, found before any of it starts."""
    return (
        *fault(lambda: evaluation_name(evaluate)),
        *fault(lambda: _check_folder(workers.folder)),
        *fault(lambda: _check_architecture(workers, adaptor, original)),
    )


def evaluation_name(evaluate: Any) -> str:
    """``module:name`` of the user's own evaluation; empty for one that judges outputs, which is done here.

    Raises:
        EvaluationError: it cannot be found by that name elsewhere.
    """
    if evaluate is None or isinstance(evaluate, Evaluation | LabelFree):
        return ""
    return _importable(evaluate, where=_EVALUATE, fix=_EVALUATE_FIX)


def architecture_name(workers: Workers) -> str:
    """``module:name`` of what makes a fresh model; empty where none was given.

    Raises:
        EvaluationError: it cannot be found by that name elsewhere.
    """
    given = workers.architecture
    if given is None or isinstance(given, str):
        return given or ""
    return _importable(given, where=_ARCHITECTURE, fix=_ARCHITECTURE_FIX)


def _importable(function: Any, *, where: str, fix: str) -> str:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module in (None, "__main__") or "<" in name or not name:
        shown = name or type(function).__name__
        raise EvaluationError(f"Workers cannot import {shown} of {module}.", where=where, fix=fix)
    if function_of(f"{module}:{name}", where=where, fix=fix) is not function:
        raise EvaluationError(f"{module}.{name} is another object than the one given.", where=where, fix=fix)
    return f"{module}:{name}"


def _check_folder(folder: Path | None) -> None:
    if folder is not None and not (folder.is_dir() and os.access(folder, os.W_OK)):
        what = "There is no such folder, or it cannot be written."
        raise StoreError(what, where=f"Workers(folder={str(folder)!r})", fix="make a folder that this process and all workers see")


def _check_architecture(workers: Workers, adaptor: Adaptor, original: ModelHandle) -> None:
    """The model can be rebuilt from what will be sent."""
    name = architecture_name(workers)
    stores = require(adaptor, Stores, step=STEP)
    try:
        stores.from_saved(stores.to_saved(original), fresh_model(name))
    except ModelError as error:
        raise ModelError(f"Workers cannot rebuild the model: {error.what}", where=_ARCHITECTURE, fix=_ARCHITECTURE_FIX) from error
