"""What travels to workers, and what they do with it.

A job folder holds the model, one batch, and for trials the capabilities and the statistics; payloads are dictionaries of text: the folder's
path, a plan as JSON, names of importable functions. A worker opens a job once and keeps it. Several calibration passes and searches over
one model, each a part with a prefix of its own, share a job.

Every piece of work leaves a mark in the folder before it begins. Some executors (Dask's) run work again on another worker when the first
one died; the mark tells, and a trial that kills its worker is lost once and not repeated in silence.
"""

from __future__ import annotations

import importlib
import json
import platform
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors import store
from inc_adaptors.detect import adaptor_named
from inc_adaptors.handle import ModelHandle
from inc_adaptors.roles import Adaptor, Describes, Emitter, Observes, Quantizes, Stores, require
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_config.capabilities import Capabilities
from inc_config.convert import from_json, to_json
from inc_config.errors import EvaluationError, IncError, ModelError, StoreError
from inc_config.files import atomic_write
from inc_config.plan import QuantizationPlan, TensorKey

from inc_orchestrate.batch_files import read_batch, write_batch
from inc_orchestrate.integers import is_in_float
from inc_orchestrate.pool import Answer
from inc_orchestrate.scoring import finite_number, predictor

STEP = "work on other workers"
DIED = "its worker died"
STOPPED = "it had not started when the search ended"
_MODEL, _EXAMPLE, _CAPABILITIES, _STATISTICS, _WANTED = "model", "example.npz", "capabilities.json", "statistics.safetensors", "wanted.json"
_STARTED, _STOP, _INPUTS = "started", "stop", "inputs"
_PACKAGES = ("inc-config", "inc-strategy", "inc-adaptors", "inc-metrics", "inc-orchestrate")
_opening = threading.RLock()  # threads of one worker share what they open


@attrs.frozen(kw_only=True)
class _Wanted:
    """One tensor and the statistics that are wanted of it."""

    key: TensorKey
    specs: tuple[StatisticSpec, ...]


@attrs.frozen(kw_only=True)
class Job:
    """A job folder, the adaptor's name, and ``module:function`` of the architecture (empty: the files are enough)."""

    folder: Path
    framework: str
    architecture: str = ""

    def payload(self, token: str, *, part: str = "", **more: str) -> dict[str, str]:
        """What a worker needs to do one piece of work, which is known as ``token``, for one search or calibration pass (``part``)."""
        where = {"folder": str(self.folder), "framework": self.framework, "architecture": self.architecture}
        return {**where, "part": part, "token": part + token, **more}

    def has_started(self, token: str, *, part: str = "") -> bool:
        """Whether a worker has begun a piece of work."""
        return (self.folder / _STARTED / (part + token)).exists()

    def stop(self, *, part: str = "") -> None:
        """What has not begun of a part shall not begin."""
        (self.folder / (part + _STOP)).touch()

    def write_model(self, stores: Stores, handle: ModelHandle, example: Any) -> None:
        """The model, and one batch for frameworks that must run a model to know its operators."""
        (self.folder / _STARTED).mkdir()
        store.save(stores.to_saved(handle), self.folder / _MODEL)
        if example is not None:
            write_batch(self.folder / _EXAMPLE, example)

    def write_inputs(self, place: int, inputs: Any) -> None:
        """One batch of the evaluation, which every trial's model answers."""
        write_batch(self.folder / f"{_INPUTS}-{place}.npz", inputs, where="evaluate=")

    def outputs(self, token: str, place: int) -> Path:
        """The file of a trial's answer to one batch."""
        return _outputs(self.folder, token, place)

    def write_wanted(self, wanted: Mapping[TensorKey, frozenset[StatisticSpec]], *, part: str = "") -> None:
        """What shards of a calibration pass gather."""
        document = [_Wanted(key=key, specs=tuple(specs)) for key, specs in wanted.items()]
        atomic_write(self.folder / (part + _WANTED), to_json(tuple(document)).encode())

    def write_search(self, capabilities: Capabilities, statistics: Statistics, *, part: str = "") -> None:
        """What emission needs in one search."""
        atomic_write(self.folder / (part + _CAPABILITIES), to_json(capabilities).encode())
        attrs.evolve(statistics, model_fingerprint="", data_fingerprint="").save(self.folder / (part + _STATISTICS))


def run_check(payload: Mapping[str, str]) -> Answer:
    """Open the job and find the evaluation, before the first trial."""
    return _answer(payload, _check)


def run_shard(payload: Mapping[str, str]) -> Answer:
    """Gather the statistics of some batches into the file that the payload names."""
    return _answer(payload, _shard)


def run_trial(payload: Mapping[str, str]) -> Answer:
    """Make one plan's model, and judge it (``accuracy``) or let it answer the evaluation's inputs; ``size_bytes`` and ``in_float``."""
    return _answer(payload, _trial)


def function_of(name: str, *, where: str, fix: str) -> Callable[..., Any]:
    """The function that ``module:function`` names.

    Raises:
        EvaluationError: there is none.
    """
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except (ImportError, ValueError) as error:
        raise EvaluationError(f"{module!r} cannot be imported: {error}.", where=where, fix=fix) from error
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise EvaluationError(f"{name!r} is not a function.", where=where, fix=fix)
    function: Callable[..., Any] = found
    return function


def _answer(payload: Mapping[str, str], work: Callable[[Mapping[str, str]], Answer]) -> Answer:
    """What ``work`` found, ``lost`` with the reason where it may not begin, or an ``error`` with its ``fix``; always ``seconds``."""
    began = time.monotonic()
    try:
        reason = _may_not_begin(Path(payload["folder"]), payload["part"], payload["token"])
        found = work(payload) if reason is None else {"lost": reason}
    except Exception as error:  # noqa: BLE001  (whatever a plan's kernels or the user's evaluation raise fails this piece of work only)
        what, fix = (error.what, error.fix) if isinstance(error, IncError) else (str(error), "")
        found = {"error": f"{type(error).__name__}: {what}", "fix": fix}
    except KeyboardInterrupt:  # a terminal's Ctrl-C reaches workers too; what comes of it is decided by who gave the work
        found = {"lost": "its worker was interrupted"}
    return {**found, "seconds": time.monotonic() - began}


def _may_not_begin(folder: Path, part: str, token: str) -> str | None:
    if not folder.is_dir():
        what = f"The worker on {platform.node()} does not see the job's folder."
        raise StoreError(what, where=str(folder), fix="give a folder that all workers see: Workers(folder=...)")
    try:
        (folder / _STARTED / token).touch(exist_ok=False)
    except FileExistsError:
        return DIED
    return STOPPED if (folder / (part + _STOP)).exists() else None


def versions() -> str:
    """Our packages with their versions, as they are in this process."""
    return ", ".join(f"{name} {version(name)}" for name in _PACKAGES)


def _check(payload: Mapping[str, str]) -> Answer:
    if payload["versions"] != versions():
        what = f"The worker on {platform.node()} has {versions()}; this run has {payload['versions']}."
        raise EvaluationError(what, where="versions", fix="install the same versions there")
    if payload["function"]:
        _evaluation(payload)
    _opened(payload["folder"], payload["framework"], payload["architecture"])
    return {}


def _shard(payload: Mapping[str, str]) -> Answer:
    adaptor, handle = _opened(payload["folder"], payload["framework"], payload["architecture"])
    root = Path(payload["folder"])
    asked = from_json((root / (payload["part"] + _WANTED)).read_text("utf-8"), tuple[_Wanted, ...])
    batches = (read_batch(root / name) for name in json.loads(payload["batches"]))
    wanted = {item.key: frozenset(item.specs) for item in asked}
    # A copy, since threads of one worker would hook into one module.
    found = require(adaptor, Observes, step=STEP).observe(adaptor.copy(handle), batches, wanted)
    attrs.evolve(found, model_fingerprint="", data_fingerprint="").save(root / payload["result"])
    return {}


def _trial(payload: Mapping[str, str]) -> Answer:
    evaluate = _evaluation(payload) if payload["function"] else None
    adaptor, emitter = _emitter(payload["folder"], payload["framework"], payload["architecture"], payload["part"])
    plan = from_json(payload["plan"], QuantizationPlan)
    made = emitter.emit(plan)
    facts = {"size_bytes": adaptor.size_bytes(made), "in_float": is_in_float(made, plan)}
    if evaluate is not None:
        return {"accuracy": finite_number(evaluate(made.native), where=payload["function"]), **facts}
    root, predict = Path(payload["folder"]), predictor(adaptor, made, threads=int(payload["threads"]))
    for place in range(int(payload["batches"])):
        write_batch(
            _outputs(root, payload["token"], place), predict(read_batch(root / f"{_INPUTS}-{place}.npz")), where="the model's outputs"
        )
    return facts


def _outputs(folder: Path, token: str, place: int) -> Path:
    return folder / f"{token}-outputs-{place}.npz"


def _evaluation(payload: Mapping[str, str]) -> Callable[..., Any]:
    fix = "put its module where the workers find it: install it there, or set PYTHONPATH before they start"
    return function_of(payload["function"], where=f"worker on {platform.node()}", fix=fix)


def _opened(folder: str, framework: str, architecture: str) -> tuple[Adaptor, ModelHandle]:
    with _opening:
        return _open(folder, framework, architecture)


def _emitter(folder: str, framework: str, architecture: str, part: str) -> tuple[Adaptor, Emitter]:
    with _opening:
        return _emission(folder, framework, architecture, part)


@lru_cache(maxsize=1)
def _open(folder: str, framework: str, architecture: str) -> tuple[Adaptor, ModelHandle]:
    adaptor = adaptor_named(framework)
    saved = store.load(Path(folder) / _MODEL).model
    return adaptor, require(adaptor, Stores, step=STEP).from_saved(saved, fresh_model(architecture))


@lru_cache(maxsize=1)
def _emission(folder: str, framework: str, architecture: str, part: str) -> tuple[Adaptor, Emitter]:
    adaptor, handle = _open(folder, framework, architecture)
    root = Path(folder)
    capabilities = from_json((root / (part + _CAPABILITIES)).read_text("utf-8"), Capabilities)
    if (root / _EXAMPLE).exists():  # a framework that runs a model to know its operators runs it here too
        require(adaptor, Describes, step=STEP).capabilities(handle, capabilities.target, batches=(read_batch(root / _EXAMPLE),))
    statistics = Statistics.load(root / (part + _STATISTICS), model_fingerprint="", data_fingerprint="")
    return adaptor, require(adaptor, Quantizes, step=STEP).emitter(handle, statistics, capabilities)


def fresh_model(architecture: str) -> Any:
    """A new model of the architecture; None where there is none.

    Raises:
        EvaluationError: it cannot be found by its name.
        ModelError: it could not be called.
    """
    if not architecture:
        return None
    where = "Workers(architecture=...)"
    function = function_of(architecture, where=where, fix="write it as module:function, in a module that the workers can import")
    try:
        return function()
    except Exception as error:
        what = f"{architecture} raised {type(error).__name__}: {error}"
        raise ModelError(what, where=where, fix="name a function without arguments that makes the untrained model") from error
