"""Run a model with one operator on integers for the cost of what follows that operator.

onnxruntime optimizes the float model once, into a temporary folder. A run of it gives, beside the outputs, the tensors that later operators
read. One operator on integers is then a session over its own integer nodes and the float nodes behind them, whose weights are mapped from
that folder: loading it costs a fraction of a run. What cannot be taken out of the optimized graph is emitted and loaded as a whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import onnx
import onnxruntime
from inc_config.errors import ModelError
from inc_config.plan import OpId, QuantizationPlan
from inc_config.quantization import GraphFormat
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from inc_adaptors.batches import bind, check_finite
from inc_adaptors.handle import ModelHandle
from inc_adaptors.onnxrt.blocked import write_optimized
from inc_adaptors.onnxrt.emission.finishing import GRAPH_FORMAT
from inc_adaptors.onnxrt.emission.skeleton import Skeleton
from inc_adaptors.onnxrt.emission.written import Written
from inc_adaptors.onnxrt.graph import with_outputs
from inc_adaptors.onnxrt.kinds import CONTRIB_DOMAIN
from inc_adaptors.onnxrt.sessions import ORT_ERRORS, create_session, session_options
from inc_adaptors.onnxrt.splicing import BLOCKED, Host, Splice, segment_of, splice
from inc_adaptors.onnxrt.tensors import header, split
from inc_adaptors.roles import FloatRun

Outputs = tuple[NDArray[Any], ...]

_UNFOLLOWED = (
    "AttentionFusion", "EmbedLayerNormFusion", "GemmActivationFusion", "MatMulActivationFusion", "MatMulAddFusion", "MatMulScaleFusion",
    "MatmulTransposeFusion", "Pad_Fusion",
)  # fmt: skip
"""Optimizers that make one node of an operator that can be quantized and its neighbours, for little speed."""
_FILE_FOLDER = "session.model_external_initializers_file_folder_path"
_UNPACKED = "session.disable_prepacking"


class Isolation:
    """Every operator of ``ops`` alone on integers; ``close`` (or ``contextlib.closing``) removes the temporary files.

    Args:
        handle: the float model.
        skeleton: what its emissions are made of.
        plans: for each operator that runs on integers alone, the plan that has only this one in integers.
        write: writes a plan's nodes.
        emit: makes a model of a plan.
        threads: of every session; 0 is onnxruntime's default.
    """

    def __init__(
        self,
        handle: ModelHandle,
        skeleton: Skeleton,
        plans: Mapping[OpId, QuantizationPlan],
        *,
        write: Callable[[QuantizationPlan], Written],
        emit: Callable[[QuantizationPlan], ModelHandle],
        threads: int,
    ) -> None:
        self.ops = tuple(plans)
        self._handle = handle
        self._plans = plans
        self._emit = emit
        self._threads = threads
        self._files = tempfile.TemporaryDirectory(prefix="inc-onnxrt-")
        try:
            self._host = _optimized(skeleton, Path(self._files.name))
            self._splices = _splices(self._host, skeleton, plans, write)
            self._load_float()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the temporary files."""
        self._files.cleanup()

    def floats(self, inputs: Any, ops: Iterable[OpId]) -> FloatRun:
        """Run the float model on a batch, and keep what ``ops`` alone start from.

        Raises:
            DataError: the batch does not fit, or is not finite.
            ModelError: an operator fails.
        """
        feed = bind(inputs, self._handle.signature)
        check_finite(feed, batch=0, where="inputs")
        given = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in feed.items()}
        kept = dict.fromkeys(name for op in ops if op in self._splices for name in self._splices[op].reads if name not in given)
        wanted = dict.fromkeys((*self._host.outputs, *kept))
        values = dict(zip(wanted, _run(self._float, wanted, given), strict=True))
        return FloatRun(
            feed=feed,
            outputs=tuple(values[name].numpy() for name in self._host.outputs),
            values={**given, **{name: values[name] for name in kept}},
        )

    def alone(self, op: OpId) -> Callable[[FloatRun], Outputs]:
        """Outputs of the model with this operator on integers, from runs of the float model that kept what it starts from.

        Raises:
            ModelError: when called, where an operator fails.
        """
        found = self._splices.get(op)
        if found is not None and not found.outputs:  # nothing of the model depends on it
            return lambda floats: floats.outputs
        session = None if found is None else self._loaded(found)
        if found is None or session is None:
            return self._whole(op)

        def run(floats: FloatRun) -> Outputs:
            made = dict(zip(found.outputs, _run(session, found.outputs, {name: floats.values[name] for name in found.reads}), strict=True))
            names = enumerate(self._host.outputs)
            return tuple(made[name].numpy() if name in made else floats.outputs[place] for place, name in names)

        return run

    def _whole(self, op: OpId) -> Callable[[FloatRun], Outputs]:
        session = create_session(split(self._emit(self._plans[op]).native), threads=self._threads)
        return lambda floats: tuple(session.run(None, floats.feed))

    def _load_float(self) -> None:
        """Load the float graph with all tensors as outputs that some operator starts from; operators that start from others are whole."""
        reads = dict.fromkeys(name for each in self._splices.values() for name in each.reads)
        model = ModelProto()
        model.CopyFrom(self._host.model)
        kept = set(self._host.outputs) | self._host.inputs
        model.graph.output.extend(ValueInfoProto(name=name) for name in reads if name not in kept)
        self._float = self._session(model)
        types = {value.name: _element(value.type) for value in (*self._float.get_inputs(), *self._float.get_outputs())}
        self._splices = {op: each for op, each in self._splices.items() if all(types.get(name) for name in each.reads)}
        self._types = types

    def _loaded(self, found: Splice) -> Any:
        """A session over a splice, or None where onnxruntime does not take it."""
        model = header(self._host.model)
        known = {entry.domain for entry in model.opset_import}
        model.opset_import.extend(helper.make_opsetid(name, 1) for name in (CONTRIB_DOMAIN, BLOCKED) if name not in known)
        model.graph.name = "alone"
        model.graph.node.extend(found.nodes)
        model.graph.initializer.extend(found.initializers.values())
        model.graph.input.extend(helper.make_tensor_value_info(name, self._types[name], None) for name in found.reads)
        model.graph.output.extend(ValueInfoProto(name=name) for name in found.outputs)
        try:
            return self._session(model, **{_UNPACKED: "1"})  # packing all weights anew costs more than a few runs gain
        except ORT_ERRORS:
            return None

    def _session(self, model: ModelProto, **entries: str) -> Any:
        options = session_options(self._threads)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        for key, value in {_FILE_FOLDER: self._files.name, **entries}.items():
            options.add_session_config_entry(key, value)
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _optimized(skeleton: Skeleton, folder: Path) -> Host:
    model = with_outputs(skeleton.graph, skeleton.graph.outputs)
    return Host(onnx.load(write_optimized(model, folder, without=_UNFOLLOWED), load_external_data=False))


def _splices(
    host: Host, skeleton: Skeleton, plans: Mapping[OpId, QuantizationPlan], write: Callable[[QuantizationPlan], Written]
) -> dict[OpId, Splice]:
    """Of every operator that is found in the optimized graph."""
    found = {}
    for op, plan in plans.items():
        written = write(attrs.evolve(plan, recipes={**plan.recipes, GRAPH_FORMAT: GraphFormat.QDQ.value}))
        segment = segment_of(written, op) if written.skeleton is skeleton else None
        made = None if segment is None else splice(host, segment)
        if made is not None:
            found[op] = made
    return found


def _run(session: Any, names: Iterable[str], feed: Mapping[str, Any]) -> list[Any]:
    try:
        return list(session.run_with_ort_values(list(names), dict(feed)))
    except ORT_ERRORS as error:
        raise ModelError(
            f"onnxruntime failed while running the model: {str(error).strip().splitlines()[0][:600]}",
            where="inputs of a probe",
            fix="give inputs of the shapes the model was made for, or export it with dynamic axes",
        ) from error


def _element(kind: str) -> int:
    """The element type that onnxruntime calls ``tensor(float)``; 0 for what is no tensor."""
    name = kind.removeprefix("tensor(").removesuffix(")").upper()
    return int(TensorProto.DataType.Value(name)) if kind.startswith("tensor(") and name in TensorProto.DataType.keys() else 0  # noqa: SIM118  (no mapping)
