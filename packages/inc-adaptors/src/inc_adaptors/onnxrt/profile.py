"""Run a model for timing: inputs bound once, and the times of its nodes from onnxruntime's profiler."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import onnxruntime
from inc_config.errors import ModelError

from inc_adaptors.batches import bind, check_finite
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.sessions import ORT_ERRORS, Session, load_with, session_options
from inc_adaptors.onnxrt.tensors import split
from inc_adaptors.roles import OperatorTime

_WARMUP = 3
_KERNEL = "_kernel_time"


def bind_batches(
    handle: ModelHandle, batches: Sequence[Any], *, threads: int, inter_op_threads: int | None
) -> tuple[Callable[[], object], ...]:
    """One call per batch over one session.

    Raises:
        DataError: a batch does not fit or is not finite.
        ModelError: onnxruntime cannot run the model.
    """
    options = session_options(threads)
    if inter_op_threads is not None:
        options.inter_op_num_threads = inter_op_threads
        if inter_op_threads > 1:
            options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
    session = _session(handle, options)
    return tuple(_call(session, _feed(handle, batch, index)) for index, batch in enumerate(batches))


def profile_operators(handle: ModelHandle, inputs: Any, *, calls: int, threads: int) -> tuple[OperatorTime, ...]:
    """Median time of every node over ``calls`` runs; nodes are those of the graph after onnxruntime's own optimization.

    Raises:
        DataError, ModelError: as ``bind_batches``.
    """
    feed = _feed(handle, inputs, 0)
    with tempfile.TemporaryDirectory(prefix="inc-profile-") as folder:
        options = session_options(threads)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = _session(handle, options)
        for _ in range(_WARMUP + calls):
            session.run(None, feed)
        events = json.loads(Path(session.native.end_profiling()).read_text(encoding="utf-8"))
    return _operators([event for event in events if str(event.get("name", "")).endswith(_KERNEL)], calls)


def _operators(events: list[dict[str, Any]], calls: int) -> tuple[OperatorTime, ...]:
    """Per node, the median of its last ``calls`` events; onnxruntime numbers nodes by their place in the order of execution."""
    by_node: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in events:
        by_node.setdefault((event["args"].get("node_index", ""), event["name"]), []).append(event)
    kept = {key: found[-calls:] for key, found in by_node.items()}
    seconds = {key: median(event["dur"] for event in found) * 1e-6 for key, found in kept.items()}
    total = sum(seconds.values()) or 1.0
    return tuple(
        OperatorTime(
            name=name.removesuffix(_KERNEL),
            type=str(kept[index, name][0]["args"].get("op_name", "")),
            seconds=seconds[index, name],
            share=seconds[index, name] / total,
            dtype=_first_type(kept[index, name][0]["args"]),
        )
        for index, name in kept
    )


def _first_type(arguments: dict[str, Any]) -> str:
    shapes = arguments.get("input_type_shape") or [{}]
    name = str(next(iter(shapes[0]), "")) if shapes[0] else ""
    return "float32" if name == "float" else name


def _session(handle: ModelHandle, options: Any) -> Session:
    try:
        return load_with(split(handle.native), options)
    except ORT_ERRORS as error:
        raise ModelError(
            f"onnxruntime cannot run the model: {str(error).splitlines()[0]}",
            where="the model given",
            fix="check the operators and operator-set version it names",
        ) from error


def _feed(handle: ModelHandle, batch: Any, index: int) -> dict[str, Any]:
    feed = bind(batch, handle.signature)
    check_finite(feed, batch=index, where="inputs")
    return feed


def _call(session: Session, feed: dict[str, Any]) -> Callable[[], object]:
    return lambda: session.run(None, feed)
