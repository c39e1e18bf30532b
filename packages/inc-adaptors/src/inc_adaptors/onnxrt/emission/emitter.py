"""Make quantized models from one calibration: built once, emitted many times."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from inc_config.capabilities import Capabilities
from inc_config.errors import CalibrationError
from inc_config.frozen import FrozenMap
from inc_config.plan import OpId, QuantizationPlan
from inc_config.target import Runtime

from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.emission.checks import check_plan
from inc_adaptors.onnxrt.emission.correction import RECIPE
from inc_adaptors.onnxrt.emission.domains import in_domains
from inc_adaptors.onnxrt.emission.finishing import check_format, finish, import_contrib
from inc_adaptors.onnxrt.emission.joined import share_scales
from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.emission.literal import place_literally
from inc_adaptors.onnxrt.emission.manner import Manner
from inc_adaptors.onnxrt.emission.placement import Placement, place
from inc_adaptors.onnxrt.emission.rewriting import Rewriting
from inc_adaptors.onnxrt.emission.skeleton import Skeleton, Skeletons
from inc_adaptors.onnxrt.emission.smoothing import settings_of
from inc_adaptors.onnxrt.emission.written import Written
from inc_adaptors.onnxrt.graph import Graph, assemble
from inc_adaptors.onnxrt.half.casting import Cast16, cast_to_half, halves_of
from inc_adaptors.onnxrt.half.weights import HalfWeights
from inc_adaptors.onnxrt.isolation import Isolation
from inc_adaptors.onnxrt.reached import unreached
from inc_adaptors.onnxrt.sessions import ORT_ERRORS
from inc_adaptors.statistics.store import Statistics

UNSPLIT = "gemm_to_matmul"
_WHOLE_BITS = 8
_SINGLE_THREADED = 50_000_000
"""Multiply-adds per sample that one thread does in a millisecond or two: to start others for each operator takes longer."""
_UNWRITTEN: tuple[type[Exception], ...] = (*ORT_ERRORS, OSError)


class OnnxrtEmitter:
    """An all-Q/DQ skeleton from which each plan takes the pairs and int8 weights it needs.

    Relu and Clip stay in the graph until ``final``: onnxruntime fuses them into the quantizer when it loads the model, and a later plan
    that drops the pair still has the activation. ``threads`` are those of the sessions of ``isolation``.
    """

    def __init__(
        self,
        handle: ModelHandle,
        graph: Graph,
        layout: Layout,
        statistics: Statistics,
        capabilities: Capabilities,
        *,
        threads: int = 0,
    ) -> None:
        self._handle = handle
        self._threads = threads
        self._graph = graph
        self._layout = layout
        self._capabilities = capabilities
        self._statistics = statistics
        non_finite = _non_finite(layout, statistics)
        self._unreached = unreached(layout, statistics) - non_finite
        self._blocked = non_finite | self._unreached
        self._skeletons = Skeletons(graph, layout, statistics, self._blocked)
        self._half_weights = HalfWeights()

    def emit(self, plan: QuantizationPlan, *, final: bool = False) -> ModelHandle:
        """A new handle whose model computes ``plan``; ``final`` also strips activations that the quantizers' clamps cover.

        Raises:
            PlanError: the plan names unknown operators or asks for what has no kernel.
            CalibrationError: statistics that the plan needs were not gathered, or a weight is not finite.
        """
        written = self._write(plan, final=final)
        state = attrs.evolve(
            self._handle.state,
            plan=plan,
            qparams=FrozenMap({key: (q.scale, q.zero_point) for key, q in written.qparams.items()}),
            notes=(*self._handle.state.notes, *written.notes),
        )
        native = import_contrib(assemble(written.skeleton.graph, written.nodes, written.initializers))
        return attrs.evolve(self._handle, native=native, state=state)

    def isolation(self, plan: QuantizationPlan, ops: Iterable[OpId]) -> Isolation | None:
        """Each of ``ops`` alone on integers, as ``plan`` has it, in the float model as onnxruntime runs it.

        None where operators alone cannot be told from the others (16 bits beside integers, a smoothed graph, another runtime), inputs are
        text, or onnxruntime cannot write its graph to the folder for temporary files.
        """
        if any(spec.dtype == "str" for spec in self._handle.signature.inputs):
            return None
        if plan.target.runtime not in (Runtime.ONNXRUNTIME, Runtime.OPENVINO) or settings_of(plan) is not None or halves_of(plan):
            return None
        skeleton = self._skeletons.of(plan)
        alone = {op: plan.with_float(set(plan.quantized) - {op}) for op in ops}
        active = {op: each for op, each in alone.items() if self._placed(skeleton, each).active}
        is_small = 0 < sum(op.work for op in self._capabilities.ops) < _SINGLE_THREADED
        threads = self._threads or int(is_small)
        try:
            return Isolation(self._handle, skeleton, active, write=self._write, emit=self.emit, threads=threads)
        except _UNWRITTEN:
            return None

    def _write(self, plan: QuantizationPlan, *, final: bool = False) -> Written:
        check_plan(self._layout, self._capabilities, plan)
        check_format(plan)
        skeleton = self._skeletons.of(plan)
        manner = Manner.of(plan)
        placement = self._placed(skeleton, plan)
        correction = skeleton.correction if plan.recipes.get(RECIPE) else None
        rewriting = Rewriting(
            skeleton.graph,
            placement,
            skeleton.pairs,
            skeleton.weights,
            skeleton.names,
            manner=manner,
            correction=correction,
            added=None if manner.literal else skeleton.added,
            own=skeleton.own,
        )
        rewriting.run(skeleton.layout.operators)
        made = finish(rewriting.nodes, rewriting.initializers, skeleton.graph, skeleton.names, plan, final=final)
        halves = cast_to_half(
            in_domains(
                made.nodes,
                made.initializers,
                opset=skeleton.graph.opset,
                runtime=plan.target.runtime,
                everywhere=manner.contrib_pairs,
            ),
            made.initializers,
            graph=skeleton.graph,
            layout=skeleton.layout,
            plan=plan,
            names=skeleton.names,
            weights=self._half_weights,
        )
        return Written(
            skeleton=skeleton,
            nodes=halves.nodes,
            initializers=halves.initializers,
            reads=rewriting.reads,
            qparams=rewriting.qparams,
            notes=(
                *self._notes(placement, _unsplit(plan)),
                *skeleton.notes,
                *_widened_notes(skeleton, placement),
                *_uncorrected(rewriting),
                *made.notes,
                *_half_notes(halves),
            ),
        )

    def _placed(self, skeleton: Skeleton, plan: QuantizationPlan) -> Placement:
        blocked = self._blocked | _unsplit(plan)
        if Manner.of(plan).literal:
            return place_literally(skeleton.layout, plan, blocked)
        return share_scales(place(skeleton.layout, plan, blocked), skeleton.layout, skeleton.graph, skeleton.pairs.range_of)

    def _notes(self, placement: Placement, unsplit: frozenset[OpId]) -> tuple[str, ...]:
        lines = [f"quantized for {self._capabilities.target.runtime.value}: {len(placement.active)} operators on 8-bit codes"]
        empty = [op for op in placement.idle if op in self._unreached]
        blocked = [op for op in placement.idle if op in self._blocked - self._unreached]
        idle = [op for op in placement.idle if op not in self._blocked | unsplit]
        narrow = [op for op, plan in placement.active.items() if plan.weight is not None and plan.weight.dtype.bits < _WHOLE_BITS]
        if narrow:
            lines.append(f"weights of fewer than 8 bits, as planned: {_listed(narrow)}")
        if blocked:
            lines.append(f"in float because calibration saw NaN or infinity there: {_listed(blocked)}")
        if empty:
            lines.append(f"in float because calibration gave them no values: {_listed(empty)}")
        if unsplit:
            lines.append(f"in float because dynamic ranges need MatMul and Add, and {UNSPLIT} is False: {_listed(sorted(unsplit))}")
        if idle:
            lines.append(f"in float because no integer operator feeds them: {_listed(idle)}")
        return tuple(lines)


def _unsplit(plan: QuantizationPlan) -> frozenset[OpId]:
    """Dynamic Gemms that may not become MatMul and Add; static ones have a kernel of their own, which is never slower."""
    if plan.recipes.get(UNSPLIT, True):
        return frozenset()
    return frozenset(op for op, op_plan in plan.ops.items() if op_plan.is_dynamic and op.type == "Gemm")


def _widened_notes(skeleton: Skeleton, placement: Placement) -> tuple[str, ...]:
    found = [op for op in placement.active if op in skeleton.weights.widened]
    return (f"weight scales widened, because pairs of products would overflow without VNNI: {_listed(found)}",) if found else ()


def _uncorrected(rewriting: Rewriting) -> tuple[str, ...]:
    if not rewriting.uncorrected:
        return ()
    return (f"bias correction leaves out products without a bias of floats: {_listed(rewriting.uncorrected)}",)


def _half_notes(halves: Cast16) -> tuple[str, ...]:
    lines = [f"{len(halves.active)} operators in 16 bits"] if halves.active else []
    if halves.idle:
        lines.append(f"in fp32 because nothing they read is in 16 bits: {_listed(list(halves.idle))}")
    return tuple(lines)


def check_fresh(statistics: Statistics, fingerprint: str) -> None:
    """Refuse statistics of another model.

    Raises:
        CalibrationError: their model fingerprint differs.
    """
    if statistics.model_fingerprint not in ("", fingerprint):
        raise CalibrationError(
            f"These statistics belong to another model (fingerprint {statistics.model_fingerprint[:12]}, this one has {fingerprint[:12]}).",
            where="statistics",
            fix="calibrate this model",
        )


def _non_finite(layout: Layout, statistics: Statistics) -> frozenset[OpId]:
    """Operators with a tensor in which calibration saw NaN or infinity."""
    tensors = layout.tensors()
    bad = {tensors[key] for key, count in statistics.non_finite.items() if count and key in tensors}
    touched = (o.op for o in layout.operators if bad.intersection(o.inputs.values()) or bad.intersection(o.outputs))
    return frozenset(touched)


def _listed(ops: list[OpId]) -> str:
    return ", ".join(str(op) for op in ops[:8]) + (f" and {len(ops) - 8} more" if len(ops) > 8 else "")
