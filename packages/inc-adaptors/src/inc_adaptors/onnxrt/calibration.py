"""One streaming pass over the calibration data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from inc_config.errors import PlanError
from inc_config.plan import TensorKey
from numpy.typing import NDArray
from onnx import TensorProto, helper

from inc_adaptors.batches import Fingerprint, bind, checked
from inc_adaptors.handle import Signature
from inc_adaptors.onnxrt.blocked import blocked_session
from inc_adaptors.onnxrt.graph import Graph, with_outputs
from inc_adaptors.onnxrt.sessions import ORT_ERRORS, create_session
from inc_adaptors.onnxrt.shapes import infer
from inc_adaptors.statistics.create import create
from inc_adaptors.statistics.protocol import Statistic, StatisticSpec
from inc_adaptors.statistics.store import Statistics

Array = NDArray[Any]
Wanted = Mapping[TensorKey, frozenset[StatisticSpec]]

_ORDERLESS = frozenset({"range", "histogram"})  # statistics of values whatever their places

OUTPUT_BYTES = 256 << 20
"""Most bytes of intermediate tensors held at a time: larger batches are run in parts (where the batch axis is dynamic)."""

_ALIGNMENT = 16  # values in a cache line
_INFERENCES = 8  # shapes of batches for which shapes inside the model are inferred: sequences may have a hundred lengths


def calibrate(
    graph: Graph,
    signature: Signature,
    tensors: Mapping[TensorKey, str],
    batches: Iterable[Any],
    wanted: Wanted,
    *,
    threads: int,
    fingerprint: str,
    progress: Callable[[int], None],
) -> Statistics:
    """Gather what is wanted; several keys of one tensor share its statistics.

    Raises:
        PlanError: a key that the model does not have.
        DataError: no batches, or batches that are empty, do not fit, or hold NaN or infinity.
        ModelError: onnxruntime cannot run the model on them.
    """
    by_tensor = _by_tensor(tensors, wanted)
    empty = {spec: create(spec) for spec in set().union(*by_tensor.values())}  # looking a name up costs more than copying
    gathered = {name: {spec: deepcopy(empty[spec]) for spec in specs} for name, specs in by_tensor.items()}
    inputs = {spec.name for spec in signature.inputs}
    constants = {name: constant for name in sorted(by_tensor) if (constant := graph.constant(name)) is not None}
    for name, constant in constants.items():
        _update(gathered[name], constant)
    names = sorted(name for name in by_tensor if name not in inputs and name not in graph.initializers)
    in_any_order = frozenset(name for name in names if all(spec.name in _ORDERLESS for spec in by_tensor[name]))
    runner = _Runner(graph, names, in_any_order, threads) if names else None
    data, samples = Fingerprint(), 0
    for batch in checked(batches, where="calibration data"):
        feed = bind(batch, signature)
        data.update(feed)
        for name in sorted(inputs & set(by_tensor)):
            _update(gathered[name], feed[name])
        if runner is not None:
            for arrays in runner.outputs(feed, divisible=_is_divisible(signature, feed)):
                for name, array in arrays.items():
                    _update(gathered[name], array)
        samples += samples_of(feed)
        progress(samples)
    values = {key: gathered[tensors[key]] for key in wanted}
    counted = {key: max((getattr(s, "non_finite", 0) for s in found.values()), default=0) for key, found in values.items()}
    return Statistics(
        values=values,
        samples=samples,
        non_finite={key: count for key, count in counted.items() if count},
        model_fingerprint=fingerprint,
        data_fingerprint=data.hexdigest(),
        constant=frozenset(key for key in wanted if tensors[key] in constants),
    )


class _Runner:
    """A session that computes the wanted tensors into buffers it keeps while the shapes stay the same."""

    def __init__(self, graph: Graph, names: Sequence[str], in_any_order: frozenset[str], threads: int) -> None:
        wanted = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
        model = with_outputs(graph, wanted)
        blocked = blocked_session(model, names, in_any_order, threads=threads)
        self._graph = graph
        self._session = create_session(model, threads=threads) if blocked is None else blocked.session
        self._sources = {name: name for name in names} if blocked is None else blocked.outputs
        self._outputs = list(dict.fromkeys(self._sources.values()))
        self._buffers: dict[str, Array] = {}
        self._buffers_fit: tuple[tuple[int, ...], ...] = ()
        self._reuses = True
        self._inferences = _INFERENCES
        self._sample_bytes = 0

    def outputs(self, feed: dict[str, Array], *, divisible: bool) -> Iterable[Mapping[str, Array]]:
        """The wanted tensors of a batch, in as many parts as memory asks for; a part is valid until the next is taken."""
        if not divisible:
            yield self._run(feed)
            return
        start, size = 0, samples_of(feed)
        while start < size:
            stop = start + (max(1, OUTPUT_BYTES // self._sample_bytes) if self._sample_bytes else 1)
            part = {name: array[start:stop] for name, array in feed.items()}
            made = self._run(part)
            self._sample_bytes = max(self._sample_bytes, sum(a.nbytes for a in made.values()) // samples_of(part))
            yield made
            start = stop

    def _run(self, feed: dict[str, Array]) -> Mapping[str, Array]:
        """Outputs go to buffers: one block where shapes are known beforehand, or else the arrays that the first batch of its shape gave."""
        shapes = tuple(array.shape for array in feed.values())
        if self._reuses and shapes != self._buffers_fit and (foreseen := self._foreseen(feed)):
            self._buffers = {}
            self._buffers, self._buffers_fit = _side_by_side(foreseen), shapes
        if self._reuses and shapes == self._buffers_fit:
            try:
                self._session.run_into(self._buffers, feed)
            except ORT_ERRORS:  # output shapes that depend on the values: no buffers for this model
                self._reuses = False
            else:
                return self._named(self._buffers)
        self._buffers = {}
        made = dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))
        if self._reuses and all(array.flags.c_contiguous and array.flags.writeable for array in made.values()):
            self._buffers, self._buffers_fit = made, shapes
        else:
            self._buffers_fit = ()
        return self._named(made)

    def _foreseen(self, feed: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
        """Shapes of the outputs; none where inference does not tell them all, they ask for much memory, or it was asked too often."""
        if self._inferences == 0:
            return {}
        self._inferences -= 1
        types = infer(self._graph, {name: array.shape for name, array in feed.items()})
        shapes: dict[str, tuple[int, ...]] = {}
        for name, source in self._sources.items():
            found = types.get(name)
            if found is None or not found.is_float32 or found.shape is None or None in found.shape:
                return {}
            shapes[source] = tuple(size for size in found.shape if size is not None)
        return shapes if sum(map(math.prod, shapes.values())) <= OUTPUT_BYTES // np.float32().itemsize else {}

    def _named(self, made: Mapping[str, Array]) -> Mapping[str, Array]:
        return {name: made[source] for name, source in self._sources.items()}


def _side_by_side(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """float32 arrays in one block: numpy asks for huge pages for blocks of this size, and these take less time to walk through."""
    sizes = [math.prod(shape) for shape in shapes.values()]
    starts = np.cumsum([0, *(-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes)])
    block = np.empty(int(starts[-1]) + _ALIGNMENT, np.float32)
    block = block[-(block.ctypes.data // block.itemsize) % _ALIGNMENT :]
    return {
        name: block[start : start + size].reshape(shape)
        for (name, shape), start, size in zip(shapes.items(), starts[:-1], sizes, strict=True)
    }


def _by_tensor(tensors: Mapping[TensorKey, str], wanted: Wanted) -> dict[str, set[StatisticSpec]]:
    unknown = [str(key) for key in wanted if key not in tensors]
    if unknown:
        raise PlanError(
            f"The model has no tensor {', '.join(unknown[:5])}.",
            where="wanted statistics",
            fix="take the keys from the capabilities of this model",
        )
    found: dict[str, set[StatisticSpec]] = {}
    for key, specs in wanted.items():
        found.setdefault(tensors[key], set()).update(specs)
    return found


def _update(statistics: Mapping[StatisticSpec, Statistic], array: Array) -> None:
    for statistic in statistics.values():
        statistic.update(array)


def _is_divisible(signature: Signature, feed: Mapping[str, Array]) -> bool:
    """Whether every input has the dynamic batch axis first, of one length."""
    dynamic = all(spec.shape and spec.shape[0] is None for spec in signature.inputs)
    return dynamic and len({array.shape[0] for array in feed.values()}) == 1


def samples_of(feed: Mapping[str, Array]) -> int:
    """Number of samples in a feed: the length of the first axis of its first input that has one."""
    return next((len(array) for array in feed.values() if array.ndim), 1)
