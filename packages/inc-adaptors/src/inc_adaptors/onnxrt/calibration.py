"""One streaming pass over the calibration data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from inc_config.errors import PlanError
from inc_config.plan import TensorKey
from numpy.typing import NDArray
from onnx import TensorProto, helper

from inc_adaptors.batches import Fingerprint, bind, checked
from inc_adaptors.handle import Signature
from inc_adaptors.onnxrt.graph import Graph, assemble
from inc_adaptors.onnxrt.sessions import ORT_ERRORS, create_session, run_session
from inc_adaptors.statistics.create import create
from inc_adaptors.statistics.protocol import Statistic, StatisticSpec
from inc_adaptors.statistics.store import Statistics

Array = NDArray[Any]
Wanted = Mapping[TensorKey, frozenset[StatisticSpec]]

OUTPUT_BYTES = 256 << 20
"""Most bytes of intermediate tensors held at a time: larger batches are run in parts (where the batch axis is dynamic)."""


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
    gathered = {name: {spec: create(spec) for spec in sorted(specs, key=str)} for name, specs in by_tensor.items()}
    inputs = {spec.name for spec in signature.inputs}
    for name in sorted(by_tensor):
        constant = graph.constant(name)
        if constant is not None:
            _update(gathered[name], constant)
    names = sorted(name for name in by_tensor if name not in inputs and name not in graph.initializers)
    runner = _Runner(graph, names, threads) if names else None
    data, samples = Fingerprint(), 0
    for batch in checked(batches, where="calibration data"):
        feed = bind(batch, signature)
        data.update(feed)
        for name in sorted(inputs & set(by_tensor)):
            _update(gathered[name], feed[name])
        if runner is not None:
            for values in runner.outputs(feed, _is_divisible(signature, feed)):
                for name, array in zip(names, values, strict=True):
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
    )


class _Runner:
    """A session that computes the wanted tensors into buffers it keeps while the shapes stay the same."""

    def __init__(self, graph: Graph, names: Sequence[str], threads: int) -> None:
        wanted = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
        self._names = list(names)
        self._session = create_session(assemble(graph, graph.nodes, graph.initializers, outputs=wanted), threads=threads)
        self._buffers: dict[tuple[tuple[int, ...], ...], list[Array] | None] = {}
        self._sample_bytes = 0

    def outputs(self, feed: dict[str, Array], divisible: bool) -> Iterable[list[Array]]:
        """The wanted tensors of a batch, in as many parts as memory asks for; a part is valid until the next is taken."""
        if not divisible:
            yield self._run(feed)
            return
        start, size = 0, samples_of(feed)
        while start < size:
            stop = start + (max(1, OUTPUT_BYTES // self._sample_bytes) if self._sample_bytes else 1)
            part = {name: array[start:stop] for name, array in feed.items()}
            made = self._run(part)
            self._sample_bytes = max(self._sample_bytes, sum(a.nbytes for a in made) // samples_of(part))
            yield made
            start = stop

    def _run(self, feed: dict[str, Array]) -> list[Array]:
        """The first batch of a shape shows the outputs' shapes; its arrays are the buffers of the next."""
        shape = tuple(array.shape for array in feed.values())
        buffers = self._buffers.get(shape)
        if buffers is not None:
            try:
                self._run_into(buffers, feed)
            except ORT_ERRORS:  # shapes that depend on the values: no buffers for this model
                self._buffers[shape] = None
            else:
                return buffers
        made = run_session(self._session, self._names, feed)
        if shape not in self._buffers:
            self._buffers = {shape: made if all(a.flags.c_contiguous and a.flags.writeable for a in made) else None}
        return made

    def _run_into(self, buffers: list[Array], feed: dict[str, Array]) -> None:
        binding = self._session.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(array))
        for name, buffer in zip(self._names, buffers, strict=True):
            binding.bind_output(name, "cpu", 0, buffer.dtype, buffer.shape, buffer.ctypes.data)
        self._session.run_with_iobinding(binding)


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
