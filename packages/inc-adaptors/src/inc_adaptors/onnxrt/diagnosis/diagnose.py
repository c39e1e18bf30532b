"""Put errors, times and risks of a quantized model together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from inc_config.errors import ModelError
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto

from inc_adaptors.diagnosis import Diagnosis, OperatorDiagnosis, exclusions
from inc_adaptors.onnxrt.calibration import samples_of
from inc_adaptors.onnxrt.diagnosis.errors import noise
from inc_adaptors.onnxrt.diagnosis.pairing import Pair, pairs
from inc_adaptors.onnxrt.diagnosis.speed import findings, is_slower, overhead_s, times_by_operator, why_slower
from inc_adaptors.onnxrt.diagnosis.unpack import plain_name, unpacked
from inc_adaptors.onnxrt.graph import Graph, assemble
from inc_adaptors.onnxrt.prepare.model import prepare
from inc_adaptors.onnxrt.saturation import Saturation, saturation
from inc_adaptors.onnxrt.shapes import infer
from inc_adaptors.onnxrt.tensors import opset_of
from inc_adaptors.onnxrt.work import multiply_adds
from inc_adaptors.parity import OutputParity, decibels
from inc_adaptors.roles import OperatorTime

Feed = Mapping[str, NDArray[Any]]


def diagnose_models(
    exact: ModelProto,
    quantized: ModelProto,
    feeds: Sequence[Feed],
    *,
    outputs: tuple[OutputParity, ...],
    references: Sequence[tuple[NDArray[Any], ...]],
    times: tuple[tuple[OperatorTime, ...], tuple[OperatorTime, ...]],
) -> Diagnosis:
    """Diagnose a model that any tool quantized.

    Args:
        exact: the float model.
        quantized: its quantized form, QDQ or QOperator.
        feeds: a few batches of inputs by name.
        outputs: parity of both on ``feeds``.
        references: the float model's outputs on ``feeds``.
        times: executed operators of the float and of the quantized model.

    Raises:
        ModelError: the quantized model has no integer operator that the float model has too.
    """
    written_out = unpacked(quantized)
    graph = prepare(exact)
    reference = _comparable(exact, quantized, graph)
    both = pairs(reference, written_out)
    if not both:
        raise ModelError(
            "The second model has no quantized operator that the first has under the same name or result.",
            where="the quantized model",
            fix="give the float model it was made from first, then the quantized one, both ONNX",
        )
    risk = saturation(written_out, feeds, references)
    rows = _rows(reference, written_out, both, feeds)
    rows = _with_times(rows, both, (exact, written_out), times, works=_work(graph, feeds[0]))
    rows = _with_risk(rows, risk)
    return Diagnosis(
        outputs=outputs,
        samples=sum(samples_of(feed) for feed in feeds),
        operators=rows,
        float_s=sum(time.seconds for time in times[0]),
        quantized_s=sum(time.seconds for time in times[1]),
        overhead_s=overhead_s(times[1]),
        saturation_db=risk.loss_db,
        findings=findings(*times),
        exclusions=exclusions(rows, total_s=sum(time.seconds for time in times[1])),
    )


def _rows(reference: ModelProto, quantized: ModelProto, both: Sequence[Pair], feeds: Sequence[Feed]) -> tuple[OperatorDiagnosis, ...]:
    own, together = noise(reference, quantized, both, feeds)
    return tuple(
        OperatorDiagnosis(name=p.name, type=p.exact.op_type, alone_db=own.get(p.name), cumulative_db=together.get(p.name)) for p in both
    )


def _work(graph: Graph, feed: Feed) -> dict[str, int]:
    types = infer(graph, {name: array.shape for name, array in feed.items()})
    return {node.name: multiply_adds(graph, types, node) for node in graph.nodes}


def _with_times(
    rows: tuple[OperatorDiagnosis, ...],
    both: Sequence[Pair],
    models: tuple[ModelProto, ModelProto],
    times: tuple[tuple[OperatorTime, ...], tuple[OperatorTime, ...]],
    *,
    works: Mapping[str, int],
) -> tuple[OperatorDiagnosis, ...]:
    before, after = (times_by_operator(model, found) for model, found in zip(models, times, strict=True))
    readers: dict[str, list[NodeProto]] = {}
    for node in models[1].graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    made = []
    for row, pair in zip(rows, both, strict=True):
        float_s, (quantized_s, ran) = before.get(row.name, (None, None))[0], after.get(plain_name(pair.coded.name), (None, None))
        why = why_slower(ran, pair.coded, readers, works.get(row.name, 0)) if ran is not None and is_slower(float_s, quantized_s) else ""
        made.append(attrs.evolve(row, float_s=float_s, quantized_s=quantized_s, slower_because=why))
    return tuple(made)


def _with_risk(rows: tuple[OperatorDiagnosis, ...], risk: Saturation) -> tuple[OperatorDiagnosis, ...]:
    lost = {plain_name(row.name): decibels(1.0, row.noise) for row in risk.operators}
    return tuple(attrs.evolve(row, clipped_db=lost.get(row.name, float("inf"))) for row in rows)


def _comparable(exact: ModelProto, quantized: ModelProto, graph: Graph) -> ModelProto:
    """The float model with BatchNormalization and the like folded if the tool that quantized did so, else as it is."""
    absorbed = {name for names in graph.absorbed.values() for name in names}
    norms = any(node.op_type == "BatchNormalization" for node in quantized.graph.node)
    was_folded = bool(absorbed) and not norms and absorbed.isdisjoint(node.name for node in quantized.graph.node)
    return assemble(graph, graph.nodes, graph.initializers) if was_folded or opset_of(exact) < opset_of(quantized) else exact
