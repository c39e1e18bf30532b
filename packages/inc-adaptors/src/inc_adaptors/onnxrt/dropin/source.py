"""Open a model for the drop-in: its prepared graph and operators, under the names that the user knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import attrs
from inc_config.capabilities import Capabilities
from inc_config.errors import PlanError
from inc_config.plan import OpId, QuantizationPlan, TensorKey
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto, TensorProto

from inc_adaptors.handle import ModelHandle, Signature
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.analysis import check_float
from inc_adaptors.onnxrt.calibration import calibrate
from inc_adaptors.onnxrt.emission.emitter import OnnxrtEmitter
from inc_adaptors.onnxrt.emission.layout import Layout
from inc_adaptors.onnxrt.graph import Graph
from inc_adaptors.onnxrt.kinds import Kind
from inc_adaptors.onnxrt.operators import Operator, operators
from inc_adaptors.onnxrt.prepare.model import tidy
from inc_adaptors.onnxrt.shapes import TensorType, infer
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics

TARGET = Target(runtime=Runtime.ONNXRUNTIME, isa=Isa.AVX512_VNNI)


@attrs.frozen(kw_only=True, eq=False)
class Source:
    """A float model taken apart."""

    handle: ModelHandle
    graph: Graph
    types: Mapping[str, TensorType]
    operators: tuple[Operator, ...]

    @classmethod
    def of(cls, model: str | Path | ModelProto) -> Self:
        """Open and tidy; nothing is folded or joined, as the tool does it.

        Raises:
            ModelError: the model cannot be read, or is quantized already.
        """
        handle = OnnxrtAdaptor().open(model)
        check_float(handle.native)
        return cls._taken(handle)

    @classmethod
    def alone(cls, model: ModelProto) -> Self:
        """A part of a model that was opened before."""
        return cls._taken(ModelHandle(framework=OnnxrtAdaptor.name, native=model))

    @classmethod
    def _taken(cls, handle: ModelHandle) -> Self:
        graph, _ = tidy(handle.native)
        types = infer(graph)
        return cls(handle=handle, graph=graph, types=types, operators=operators(graph, types))

    def with_graph(self, graph: Graph) -> Self:
        """The same model after a change of its graph."""
        types = infer(graph)
        return attrs.evolve(self, graph=graph, types=types, operators=operators(graph, types))

    def unfused(self, is_selected: Callable[[Operator], bool]) -> Self:
        """The same model with activations by themselves that are fused behind an operator, and not selected like it."""
        found: list[Operator] = []
        for operator in self.operators:
            index = operator.activation
            if index is None:
                found.append(operator)
                continue
            node = self.graph.nodes[index]
            outputs = tuple(self.graph.nodes[operator.node].output)
            alone = Operator(
                op=OpId(node.name, 0, node.op_type), kind=Kind.FLOAT, node=index, outputs=operator.outputs, member_names=(node.name,)
            )
            members = tuple(name for name in operator.member_names if name != node.name)
            if is_selected(alone):
                found.append(operator)
            else:
                found += [attrs.evolve(operator, activation=None, outputs=outputs, member_names=members), alone]
        return attrs.evolve(self, operators=tuple(found))

    def check_nodes(self, names: Iterable[str]) -> None:
        """Refuse names that no node has.

        Raises:
            PlanError: with what was probably meant.
        """
        known = {name for operator in self.operators for name in (operator.op.scope, *operator.member_names)}
        known |= {name.rpartition("/")[2] for name in known}  # of nodes in subgraphs
        unknown = sorted(set(names) - known)
        if unknown:
            close = get_close_matches(unknown[0], known, n=1)
            raise PlanError(
                f"The model has no node {', '.join(map(repr, unknown[:5]))}.",
                where="nodes_to_quantize, nodes_to_exclude",
                fix=f"did you mean {close[0]!r}?" if close else "give node names",
            )

    def float_tensors(self) -> tuple[Collection[str], Mapping[str, Sequence[int]]]:
        """Names of float activations, and float constants with their shapes."""
        constants = {name: tuple(t.dims) for name, t in self.graph.initializers.items() if t.data_type == TensorProto.FLOAT}
        return {name for name, kind in self.types.items() if kind.is_float32 and name not in constants}, constants

    def emit(self, plan: QuantizationPlan, changed: Mapping[OpId, Operator], *, final: bool) -> ModelHandle:
        """The quantized model of a literal plan.

        Raises:
            PlanError: the plan asks for what cannot be written.
            CalibrationError: a weight is not finite.
        """
        seen = tuple(changed.get(operator.op, operator) for operator in self.operators)
        layout = Layout.of(seen, self.types)
        nothing = Statistics(values={}, samples=0)
        return OnnxrtEmitter(self.handle, self.graph, layout, nothing, Capabilities(target=TARGET)).emit(plan, final=final)


def gather(
    graph: Graph,
    signature: Signature,
    tensors: Mapping[TensorKey, str],
    batches: Iterable[Any],
    wanted: Mapping[TensorKey, frozenset[StatisticSpec]],
) -> Statistics:
    """One pass over the data; see ``calibration.calibrate``."""
    return calibrate(graph, signature, tensors, batches, wanted, threads=0, fingerprint="", progress=lambda _: None)


def nothing_left(source: Source, unfit: frozenset[str] = frozenset()) -> PlanError:
    """The error for arguments that select no operator, or none that calibration found ``unfit`` tensors at."""
    if unfit:
        found = f"calibration saw NaN, infinity or magnitudes beyond 1e30 in {', '.join(sorted(unfit)[:8])}"
        return PlanError(
            f"Nothing is left to quantize: {found}.", where="the model", fix="repair its weights, or calibrate with other data"
        )
    reasons = "; ".join(f"{o.op} ({o.op.type}): {o.reason or 'not selected'}" for o in source.operators[:8])
    return PlanError(
        f"Nothing is left to quantize: {reasons}.",
        where="the model and the arguments",
        fix="select other operators",
    )
