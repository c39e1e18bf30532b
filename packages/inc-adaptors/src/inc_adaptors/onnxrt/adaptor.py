"""ONNX Runtime as an adaptor: every role it fills, each in a few lines over the modules of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import attrs
from inc_config.capabilities import Capabilities, Reason, ReasonCode
from inc_config.dtypes import FloatType
from inc_config.plan import OpId, QuantizationPlan, TensorKey
from inc_config.recipes import GraphLevel
from inc_config.target import Runtime, Target
from numpy.typing import NDArray
from onnx import ModelProto

from inc_adaptors.batches import bind, check_finite
from inc_adaptors.diagnosis import Diagnosis
from inc_adaptors.handle import ModelHandle
from inc_adaptors.machine import isa, resolved
from inc_adaptors.onnxrt.analysis import Analysis, analyse
from inc_adaptors.onnxrt.calibration import calibrate, samples_of
from inc_adaptors.onnxrt.capabilities import describe, with_alternatives
from inc_adaptors.onnxrt.diagnosis.diagnose import diagnose_models
from inc_adaptors.onnxrt.diagnosis.integers import integer_operators
from inc_adaptors.onnxrt.diagnosis.renaming import like
from inc_adaptors.onnxrt.divergence import first_divergence
from inc_adaptors.onnxrt.emission.emitter import OnnxrtEmitter, check_fresh
from inc_adaptors.onnxrt.emission.manner import RECIPES
from inc_adaptors.onnxrt.emission.placement import place
from inc_adaptors.onnxrt.fingerprint import fingerprint_of
from inc_adaptors.onnxrt.guard import guard
from inc_adaptors.onnxrt.half.describing import describe_half
from inc_adaptors.onnxrt.half.measuring import HalfKernels, on_this_machine
from inc_adaptors.onnxrt.hosting import host, is_for_openvino, needs_openvino, openvino_profile, openvino_run, runtimes, tensorrt_structure
from inc_adaptors.onnxrt.loading import load, signature
from inc_adaptors.onnxrt.optimized import optimize
from inc_adaptors.onnxrt.profile import bind_batches, profile_operators
from inc_adaptors.onnxrt.sessions import create_session
from inc_adaptors.onnxrt.shapes import infer
from inc_adaptors.onnxrt.signed import choose_signs
from inc_adaptors.onnxrt.storing import files_bytes, read_model, read_state, to_saved
from inc_adaptors.onnxrt.tensors import split
from inc_adaptors.onnxrt.wanted import wanted_statistics
from inc_adaptors.parity import LEAST_DB, OutputParity, ParityReport, output_parity
from inc_adaptors.roles import OperatorTime, SavedModel
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics

Outputs = tuple[NDArray[Any], ...]


class OnnxrtAdaptor:
    """Roles Adaptor, Hosts, Describes, Observes, Quantizes, MixesPrecision, Guards, Compares, Diagnoses, Stores, Binds, Profiles for ONNX.

    Args:
        threads: of sessions that ``predict`` and ``observe`` make; 0 is onnxruntime's default.
        kernels: what is known of 16-bit kernels; those of this machine, found by running them, by default.
    """

    name = "onnxrt"
    mixes_with_integers = True
    recipes = frozenset(
        {
            "dedicated_qdq_pair", "fast_bias_correction", "float_outputs", "gemm_to_matmul", "graph_format", "graph_level", "layer_wise",
            "scale_propagation_concat", "smooth_quant", "weight_correction", "weight_qdq_pair",
        }
    ) | RECIPES  # fmt: skip
    """Options of the whole model that plans carry and emission obeys.

    Two of them always hold here: weights are quantized one operator at a time (``layer_wise``), and what a Concat joins keeps ranges of its
    own (``scale_propagation_concat`` False).
    """

    def __init__(self, *, threads: int = 0, kernels: HalfKernels | None = None) -> None:
        self._threads = threads
        self._kernels = kernels or on_this_machine()
        self._predictors: WeakKeyDictionary[ModelHandle, Callable[[Any], Outputs]] = WeakKeyDictionary()
        self._analyses: WeakKeyDictionary[ModelHandle, Analysis] = WeakKeyDictionary()
        self._fingerprints: WeakKeyDictionary[ModelHandle, str] = WeakKeyDictionary()

    def open(self, model: Any) -> ModelHandle:
        """Open a path, bytes or a ``ModelProto``; see ``loading.load`` for what is refused."""
        proto = load(model)
        return ModelHandle(framework=self.name, native=proto, signature=signature(proto))

    def copy(self, handle: ModelHandle) -> ModelHandle:
        """A handle with its own message."""
        proto = ModelProto()
        proto.CopyFrom(handle.native)
        return attrs.evolve(handle, native=proto)

    def predict(self, handle: ModelHandle, inputs: Any) -> Outputs:
        """Outputs of one batch; the session is kept for the next."""
        if handle not in self._predictors:
            self._predictors[handle] = self.predictor(handle, threads=self._threads)
        return self._predictors[handle](inputs)

    def predictor(self, handle: ModelHandle, *, threads: int = 0) -> Callable[[Any], Outputs]:
        """A session behind a callable; OpenVINO's where the model was made for it.

        Raises:
            ModelError: the runtime is not installed or cannot run the model; when called, also where an operator fails.
            DataError: when called, for inputs that do not fit or are not finite.
        """
        return self.predictor_in(handle, Runtime.OPENVINO if is_for_openvino(handle) else Runtime.ONNXRUNTIME, threads=threads)

    def predictor_in(self, handle: ModelHandle, runtime: Runtime, *, threads: int = 0) -> Callable[[Any], Outputs]:
        """The same in one of ``runtimes``, whatever the model was made for; raises as ``predictor``."""
        taken = handle.signature
        if runtime is Runtime.OPENVINO:
            compute = openvino_run(handle, threads=threads)
        else:
            compute = partial(create_session(split(handle.native), threads=threads).run, None)

        def run(inputs: Any) -> Outputs:
            feed = bind(inputs, taken)
            check_finite(feed, batch=0, where="inputs")
            return tuple(compute(feed))

        return run

    def runtimes(self) -> tuple[Runtime, ...]:
        """onnxruntime, and OpenVINO where it is installed."""
        return runtimes()

    def host(self, target: Target) -> Runtime:
        """See ``hosting.host``."""
        return host(target)

    def checked(self, handle: ModelHandle) -> str:
        """What was counted in a model for TensorRT; raises ModelError where it does not have TensorRT's form."""
        return tensorrt_structure(handle.native)

    def bind(
        self, handle: ModelHandle, batches: Sequence[Any], *, threads: int = 0, inter_op_threads: int | None = None
    ) -> tuple[Callable[[], object], ...]:
        """One session over inputs that were bound beforehand; raises as ``predictor`` does."""
        if is_for_openvino(handle):
            compute = openvino_run(handle, threads=threads)
            return tuple(partial(compute, bind(batch, handle.signature)) for batch in batches)
        return bind_batches(handle, batches, threads=threads, inter_op_threads=inter_op_threads)

    def profile(self, handle: ModelHandle, inputs: Any, *, calls: int = 10, threads: int = 1) -> tuple[OperatorTime, ...]:
        """What the runtime's profiler says of each node."""
        if is_for_openvino(handle):
            return openvino_profile(handle, bind(inputs, handle.signature), calls=calls, threads=threads)
        return profile_operators(handle, inputs, calls=calls, threads=threads)

    def target(self) -> Target:
        """onnxruntime on this machine's processor."""
        return Target(runtime=Runtime.ONNXRUNTIME, isa=isa())

    def size_bytes(self, handle: ModelHandle) -> int:
        """Bytes of the serialized model with its weights."""
        return files_bytes(handle.native)

    def fingerprint(self, handle: ModelHandle) -> str:
        """SHA-256 of structure and weights."""
        if handle not in self._fingerprints:
            self._fingerprints[handle] = fingerprint_of(handle.native)
        return self._fingerprints[handle]

    def capabilities(self, handle: ModelHandle, target: Target, *, batches: Iterable[Any] = ()) -> Capabilities:
        """Every operator with options or a reason; a batch tells the sizes of dynamic axes, for the ``work`` of each operator.

        Raises:
            ModelError: the model is quantized already.
            DataError: the first batch does not fit the model.
        """
        target = resolved(target)
        found = self._analysis(handle)
        batch = next(iter(batches), None)
        if batch is None:
            return describe(found.graph, found.operators, found.types, target)
        feed = bind(batch, handle.signature)
        types = infer(found.graph, {name: array.shape for name, array in feed.items()})
        return describe(found.graph, found.operators, types, target, samples=samples_of(feed))

    def half(
        self,
        handle: ModelHandle,
        capabilities: Capabilities,
        precisions: Iterable[FloatType],
        *,
        batches: Iterable[Any] = (),
        smaller: bool = False,
    ) -> Capabilities:
        """16-bit options where the target's kernels were measured to pay; see ``half.options``.

        Raises:
            DataError: a batch does not fit the model, or is not finite.
        """
        found = self._analysis(handle)
        return describe_half(
            handle, found, capabilities, precisions, self._kernels, batches=batches, smaller=smaller, threads=self._threads
        )

    def optimized(self, handle: ModelHandle, level: GraphLevel) -> ModelHandle:
        """The float model as onnxruntime rewrites it; see ``optimized.optimize``.

        Raises:
            ModelError: onnxruntime cannot load the model.
        """
        return handle if level is GraphLevel.OFF else attrs.evolve(handle, native=optimize(handle.native, level))

    def idle(self, handle: ModelHandle, plan: QuantizationPlan) -> Mapping[OpId, Reason]:
        """Operators without weights that no integer operator feeds."""
        reason = Reason(ReasonCode.NOT_FUSED, "no integer operator feeds it")
        return dict.fromkeys(place(self._analysis(handle).layout, plan).idle, reason)

    def alternatives(self, capabilities: Capabilities) -> Capabilities:
        """Options with int8 activations and with uint8 weights."""
        return with_alternatives(capabilities)

    def tensors(self, handle: ModelHandle) -> Mapping[TensorKey, str]:
        """Every key that statistics may be asked for, with the tensor's name in the graph; several keys may name one tensor."""
        return self._analysis(handle).layout.tensors()

    def observe(
        self,
        handle: ModelHandle,
        batches: Iterable[Any],
        wanted: Mapping[TensorKey, frozenset[StatisticSpec]],
        *,
        progress: Callable[[int], None] = lambda samples: None,
    ) -> Statistics:
        """Gather statistics in one pass; see ``calibration.calibrate``."""
        found = self._analysis(handle)
        return calibrate(
            found.graph,
            handle.signature,
            found.layout.tensors(),
            batches,
            wanted,
            threads=self._threads,
            fingerprint=self.fingerprint(handle),
            progress=progress,
        )

    def wanted(self, capabilities: Capabilities, plans: Iterable[QuantizationPlan]) -> Mapping[TensorKey, frozenset[StatisticSpec]]:
        """What the plans need, by tensor."""
        del capabilities  # plans name every tensor themselves
        return wanted_statistics(plans)

    def guard(
        self, handle: ModelHandle, capabilities: Capabilities, statistics: Statistics, *, batches: Iterable[Any] = ()
    ) -> Capabilities:
        """Operators in float whose ranges do not fit 8 bits together, and model inputs with the sign that fits theirs.

        See ``guard.guard`` and ``signed.choose_signs``. It needs no ``batches``.
        """
        del batches
        found = self._analysis(handle)
        guarded = guard(capabilities, found.graph, found.layout, statistics)
        return choose_signs(guarded, found.graph, found.layout, statistics)

    def emitter(self, handle: ModelHandle, statistics: Statistics, capabilities: Capabilities) -> OnnxrtEmitter:
        """Prepare emission.

        Raises:
            CalibrationError: the statistics belong to another model.
        """
        check_fresh(statistics, self.fingerprint(handle))
        found = self._analysis(handle)
        return OnnxrtEmitter(handle, found.graph, found.layout, statistics, capabilities, threads=self._threads)

    def to_saved(self, handle: ModelHandle) -> SavedModel:
        """Model files, scales, masks, plan and notes."""
        return to_saved(handle)

    def from_saved(self, saved: SavedModel, model: Any = None) -> ModelHandle:
        """Rebuild a handle; the ONNX file needs no code of the user's, so ``model`` is not read."""
        del model
        proto = read_model(saved.files)
        return ModelHandle(framework=self.name, native=proto, signature=signature(proto), state=read_state(saved))

    def parity(self, reference: ModelHandle, other: ModelHandle, batches: Iterable[Any]) -> tuple[OutputParity, ...]:
        """Per-output SQNR of ``other`` against ``reference``."""
        names = tuple(spec.name for spec in reference.signature.outputs)
        return output_parity(names, lambda batch: self.predict(reference, batch), lambda batch: self.predict(other, batch), batches)

    def compare(self, reference: ModelHandle, other: ModelHandle, batches: Iterable[Any], *, least_db: float = LEAST_DB) -> ParityReport:
        """Every output, and the first diverging tensor where one is below ``least_db``.

        Raises:
            DataError: there is not a single batch, or one does not fit.
        """
        feeds = [bind(batch, reference.signature) for batch in batches]
        outputs = self.parity(reference, other, feeds)
        at_fault = any(output.sqnr_db < least_db for output in outputs) and not needs_openvino(other)
        divergence = first_divergence(reference.native, other.native, feeds[0], least_db=least_db) if at_fault else None
        return ParityReport(outputs=outputs, samples=sum(samples_of(feed) for feed in feeds), divergence=divergence)

    def diagnose(self, reference: ModelHandle, other: ModelHandle, batches: Iterable[Any], *, calls: int = 20) -> Diagnosis:
        """Look into a model that any tool quantized; see ``diagnosis.diagnose``.

        Raises:
            DataError: there is not a single batch, or one does not fit.
            ModelError: ``other`` is no quantized form of ``reference``.
        """
        feeds = [bind(batch, reference.signature) for batch in batches]
        renamed = like(reference.native, other.native)
        other = attrs.evolve(other, native=renamed, signature=signature(renamed))
        outputs = self.parity(reference, other, feeds)
        times = tuple(self.profile(handle, feeds[0], calls=calls) for handle in (reference, other))
        references = [self.predict(reference, feed) for feed in feeds]
        return diagnose_models(reference.native, other.native, feeds, outputs=outputs, references=references, times=(times[0], times[1]))

    def integers(self, handle: ModelHandle) -> frozenset[str]:
        """Scopes of the operators that compute on integers in a quantized model, whichever tool made it."""
        return integer_operators(handle.native)

    def _analysis(self, handle: ModelHandle) -> Analysis:
        if handle not in self._analyses:
            self._analyses[handle] = analyse(handle.native)
        return self._analyses[handle]
