"""What an adaptor can be asked to do, one protocol per role.

An adaptor is an object that an ``AdaptorSpec`` in the entry-point group ``inc.adaptors`` loads; it implements the roles its framework can
fill. A step names the roles it needs (``require``); a missing one is an error before any work starts. docs/roles.md maps each role to the
frameworks' own calls.

Batches: wherever a role takes a batch it is what the user's loader yields, already reduced to the model's *inputs*: one array or tensor, a
tuple of them in the model's input order, or a dict by input name. ``inc_adaptors.batches.split`` separates inputs and targets. Arrays that
leave a role are numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import attrs
import numpy as np
from inc_config.capabilities import Capabilities, Reason
from inc_config.dtypes import FloatType
from inc_config.errors import MissingRoleError
from inc_config.named import Named
from inc_config.plan import OpId, QuantizationPlan, TensorKey
from inc_config.pruning import BlockPattern, Reduction
from inc_config.recipes import GraphLevel
from inc_config.target import Runtime, Target
from numpy.typing import NDArray

from inc_adaptors.diagnosis import Diagnosis
from inc_adaptors.handle import ModelHandle
from inc_adaptors.hooks import TrainingHooks
from inc_adaptors.parity import ParityReport
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics

FloatArray = NDArray[np.floating[Any]]
Role = TypeVar("Role")


class Adaptor(Protocol):
    """Open, copy, run and measure a model. Every adaptor has this role."""

    name: str

    def open(self, model: Any) -> ModelHandle:
        """Wrap a native model or a path without changing it; raises ModelError for what is not a fit model."""

    def copy(self, handle: ModelHandle) -> ModelHandle:
        """An independent copy: nothing done to it reaches the original."""

    def predict(self, handle: ModelHandle, inputs: Any) -> tuple[NDArray[Any], ...]:
        """Outputs of one batch in evaluation mode, in the model's output order.

        Raises:
            DataError: inputs that do not fit, with both sides shown.
        """

    def predictor(self, handle: ModelHandle, *, threads: int = 0) -> Callable[[Any], tuple[NDArray[Any], ...]]:
        """A ready-to-run callable for repeated prediction and timing (an inference session, ``threads`` 0 = the framework's default)."""

    def target(self) -> Target:
        """This machine with the adaptor's own runtime."""

    def size_bytes(self, handle: ModelHandle) -> int:
        """Bytes of the model as it would lie on disk."""

    def fingerprint(self, handle: ModelHandle) -> str:
        """SHA-256 over structure and weights: equal for equal models."""


@runtime_checkable
class Hosts(Protocol):
    """Run models in the runtime that they were made for, where that is another than the adaptor's own."""

    def runtimes(self) -> tuple[Runtime, ...]:
        """Those that run models here, the adaptor's own first."""

    def host(self, target: Target) -> Runtime:
        """The runtime in which ``predictor`` runs models for ``target``: the target's, or one that computes the same where none can be had.

        Raises:
            ModelError: it is not installed.
        """

    def predictor_in(self, handle: ModelHandle, runtime: Runtime, *, threads: int = 0) -> Callable[[Any], tuple[NDArray[Any], ...]]:
        """``predictor`` in one of ``runtimes``, whatever the model was made for; raises ModelError where that cannot run it."""

    def checked(self, handle: ModelHandle) -> str:
        """What was found in a model whose target's runtime cannot run here; raises ModelError where it is not in that runtime's form."""


@runtime_checkable
class Describes(Protocol):
    """Say what can be done with each operator."""

    def capabilities(self, handle: ModelHandle, target: Target, *, batches: Iterable[Any] = ()) -> Capabilities:
        """Every operator in execution order with options (best first) or a reason.

        A few ``batches`` help frameworks that must run a model to know its operators.
        """


@runtime_checkable
class Observes(Protocol):
    """Collect statistics of activations in one streaming pass."""

    def observe(
        self,
        handle: ModelHandle,
        batches: Iterable[Any],
        wanted: Mapping[TensorKey, frozenset[StatisticSpec]],
        *,
        progress: Callable[[int], None] = lambda samples: None,
    ) -> Statistics:
        """Read every batch once; memory does not grow with their number. ``progress`` gets the number of samples seen so far.

        Non-finite values in the user's batches raise DataError; in intermediate tensors they are counted.
        """


class Emitter(Protocol):
    """Makes quantized models from one calibration: built once, ``emit`` many times."""

    def emit(self, plan: QuantizationPlan, *, final: bool = False) -> ModelHandle:
        """A new handle for ``plan``. ``final`` also applies what would spoil later fallbacks (ONNX: stripping removable activations)."""


@attrs.frozen(kw_only=True, eq=False)
class FloatRun:
    """One run of a float model: its inputs by name, its outputs, and ``values`` inside it, in the framework's own form."""

    feed: Mapping[str, NDArray[Any]]
    outputs: tuple[NDArray[Any], ...]
    values: Mapping[str, Any] = attrs.field(factory=dict)


class Isolation(Protocol):
    """Each of a plan's operators alone on integers, everything else in float; ``ops`` are those that run on integers alone."""

    ops: tuple[OpId, ...]

    def floats(self, inputs: Any, ops: Iterable[OpId]) -> FloatRun:
        """Run the float model on a batch, for ``ops`` to follow; raises DataError for one that does not fit."""

    def alone(self, op: OpId) -> Callable[[FloatRun], tuple[NDArray[Any], ...]]:
        """Outputs of the model with only this operator on integers, for runs of the float model that it was named in."""

    def close(self) -> None:
        """Give back what it holds."""


@runtime_checkable
class Isolates(Emitter, Protocol):
    """An emitter that needs no whole model to run one operator on integers."""

    def isolation(self, plan: QuantizationPlan, ops: Iterable[OpId]) -> Isolation | None:
        """Run ``ops`` of a plan one at a time, in little more time than the float model takes; None where whole models must do.

        Whoever gets one closes it.
        """


@runtime_checkable
class Quantizes(Protocol):
    """Apply plans with the framework's real integer kernels."""

    def wanted(self, capabilities: Capabilities, plans: Iterable[QuantizationPlan]) -> Mapping[TensorKey, frozenset[StatisticSpec]]:
        """The statistics these plans need (each tensor once, with every statistic any of the plans asks for)."""

    def emitter(self, handle: ModelHandle, statistics: Statistics, capabilities: Capabilities) -> Emitter:
        """Prepare emission; plans made without any STATIC range need no statistics."""


@runtime_checkable
class MixesPrecision(Protocol):
    """Know which operators pay in 16-bit floats; ``Quantizes`` then makes models of plans that use them."""

    @property
    def mixes_with_integers(self) -> bool:
        """Whether one plan may have operators on integers and in 16 bits."""

    def half(
        self,
        handle: ModelHandle,
        capabilities: Capabilities,
        precisions: Iterable[FloatType],
        *,
        batches: Iterable[Any] = (),
        smaller: bool = False,
    ) -> Capabilities:
        """The capabilities with options in these types, the faster first, between those in integers and float.

        An option is there only where the target has a kernel for it that was measured to be faster than fp32 (with ``smaller``: wherever
        there is a kernel). An operator that has no other choice than float, and no reason yet, says why. Operators that were excluded stay
        so. ``batches`` tell shapes, and which values go beyond fp16.
        """


@runtime_checkable
class Alternates(Protocol):
    """Know options that no search should try unasked."""

    def alternatives(self, capabilities: Capabilities) -> Capabilities:
        """The capabilities with further integer options, behind those that are there and before float.

        They run on integers, but slower than the options before them: other types of weights and activations, that a user may ask for.
        """


@runtime_checkable
class Optimizes(Protocol):
    """Rewrite a float model as its runtime would, before anything else sees it (recipe ``graph_level``)."""

    def optimized(self, handle: ModelHandle, level: GraphLevel) -> ModelHandle:
        """A handle of the same inputs and outputs, equal up to float rounding; operators that became one have a new name."""


@runtime_checkable
class Places(Protocol):
    """Tell what of a plan pays only beside other integer operators, and has none beside it."""

    def idle(self, handle: ModelHandle, plan: QuantizationPlan) -> Mapping[OpId, Reason]:
        """Operators that the plan has in integers and that ``Emitter.emit`` will leave in float, with why; they need no statistics."""


@runtime_checkable
class Guards(Protocol):
    """Know from statistics, before anything is emitted, which operators 8 bits would ruin."""

    def guard(
        self, handle: ModelHandle, capabilities: Capabilities, statistics: Statistics, *, batches: Iterable[Any] = ()
    ) -> Capabilities:
        """The capabilities without the integer options of operators at risk, each with a reason of code ``RANGE_GUARD``.

        Of options that differ only in how well they fit a range, those that fit worse are left out.

        With a few ``batches`` also what only values tell: where a target without VNNI needs narrower weights.
        """


@runtime_checkable
class Compares(Protocol):
    """Hold a compressed model against the one it was made from."""

    def compare(self, reference: ModelHandle, other: ModelHandle, batches: Iterable[Any]) -> ParityReport:
        """Both on the same few batches, output by output, and where they part if they do."""


@runtime_checkable
class Diagnoses(Protocol):
    """Say what is wrong with a quantized model, whichever tool made it."""

    def diagnose(self, reference: ModelHandle, other: ModelHandle, batches: Iterable[Any]) -> Diagnosis:
        """Errors, times and risks of every quantized operator of ``other``, on a few batches."""

    def integers(self, handle: ModelHandle) -> frozenset[str]:
        """Scopes of the operators that compute on integers in a quantized model."""


class TrainingSpec(Protocol):
    """What ``Trains`` needs to know; ``inc_orchestrate.Training`` is one. Properties, so that a frozen class fits."""

    @property
    def loader(self) -> Iterable[Any]:
        """Batches of inputs and targets, iterable once per epoch."""

    @property
    def loss(self) -> Callable[[Any, Any], Any]:
        """``(outputs, targets) -> loss`` in the framework's tensors."""

    @property
    def optimizer(self) -> Callable[[Iterable[Any]], Any]:
        """``(parameters) -> optimizer``, called once per training."""

    @property
    def epochs(self) -> int | None:
        """Passes over the loader; None when ``steps`` says how long."""

    @property
    def steps(self) -> int | None:
        """Optimizer steps; None when ``epochs`` says how long."""

    @property
    def scheduler(self) -> Callable[[Any], Any] | None:
        """``(optimizer) -> learning-rate scheduler``, stepped after every optimizer step."""

    @property
    def device(self) -> str | None:
        """Where to train; None keeps the model where it is."""

    @property
    def seed(self) -> int:
        """Seeds the framework's random numbers before the first step."""


@runtime_checkable
class Trains(Protocol):
    """Run the framework's training loop with hooks."""

    def train(
        self,
        handle: ModelHandle,
        training: TrainingSpec,
        hooks: TrainingHooks,
        *,
        extra_parameters: Iterable[Any] = (),
        teacher: Callable[[Any], Any] | None = None,
        progress: Callable[[int, int], None] = lambda step, steps: None,
    ) -> ModelHandle:
        """Train ``handle`` in place of its parameters and return it evolved, in evaluation mode.

        ``optimizer`` is built once from the model's and the ``extra_parameters``; ``teacher`` maps native inputs to native outputs without
        gradients;
        ``progress`` gets the steps done and their total.
        """

    def teacher(self, model: Any) -> Callable[[Any], Any]:
        """A frozen teacher (evaluation mode, no gradients) from a native model of the same framework."""


@runtime_checkable
class ChecksTraining(Protocol):
    """Find out before any work whether a training can start."""

    def check_training(self, handle: ModelHandle, training: TrainingSpec) -> None:
        """Raise StepError for what cannot be trained (a quantized model), or what is lacking here, such as the training's device."""


@runtime_checkable
class NamesTraining(Protocol):
    """Find losses and optimizers by name, for trainings that are written in a file."""

    def loss_named(self, named: Named) -> Callable[[Any, Any], Any]:
        """``(outputs, targets) -> loss`` called ``named`` (cross_entropy, mse, ...); raises StepError for an unknown name or argument."""

    def optimizer_named(self, named: Named) -> Callable[[Iterable[Any]], Any]:
        """``(parameters) -> optimizer`` called ``named`` (sgd, adam, adamw); raises StepError for an unknown name or argument."""


@attrs.frozen(kw_only=True)
class WeightInfo:
    """A prunable weight: its layer's name, type, own ``shape``, and ``matrix``, its shape seen as (out, kh*kw*in).

    ``is_frozen`` says that training will not change it and gives it no gradient.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    matrix: tuple[int, int]
    is_frozen: bool = False


@attrs.frozen(kw_only=True)
class BlockLayout:
    """How element scores are reduced: to one score per block of the weight seen as (out, kh*kw*in), shape (out/rows, in/columns)."""

    pattern: BlockPattern
    reduction: Reduction = Reduction.MEAN


class Weights(Protocol):
    """Weight access of one handle while it trains: what runs every step stays in the framework's tensors on their device."""

    def prunable(self) -> tuple[WeightInfo, ...]:
        """Weights that have masks, in execution or definition order."""

    def accumulate_scores(self, criterion: str, *, decay: float) -> None:
        """Fold the present weights and gradients into each weight's running score.

        ``magnitude`` reads the weights when scores are reduced.
        """

    def reduced_scores(self, criterion: str, layouts: Mapping[str, BlockLayout]) -> dict[str, NDArray[np.float32]]:
        """Block scores per weight name, shape (out/rows, in/columns); higher is more important."""

    def set_masks(self, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        """Install keep-masks given over the matrix view: element-wise (out, in) or per block, expanded by whole factors."""

    def apply_masks(self) -> None:
        """Zero what the masks cut."""

    def masks(self) -> dict[str, NDArray[np.bool_]]:
        """Installed masks by weight name, in the weight's own shape."""

    def all_reduce(self) -> None:
        """Average running scores over data-parallel workers (nothing to do in one process)."""


@runtime_checkable
class AccessesWeights(Protocol):
    """Score and mask weights."""

    def weights(self, handle: ModelHandle) -> Weights:
        """Weight access bound to the handle's native model, with the masks of ``handle.state`` already installed (not yet applied)."""


@runtime_checkable
class Distills(Protocol):
    """Distillation losses in the framework's own tensors."""

    def soft_target_loss(self, kind: str, *, temperature: float) -> Callable[[Any, Any], Any]:
        """``(student_outputs, teacher_outputs) -> loss`` of kind ce, kl or mse, T^2 included, differentiable in the student."""


@runtime_checkable
class Exports(Protocol):
    """Hand a model to another runtime."""

    def export_onnx(self, handle: ModelHandle, path: Path, *, example_inputs: Any) -> Path:
        """Write an fp32 ONNX model with a dynamic batch axis."""


@attrs.frozen(kw_only=True, eq=False)
class SavedModel:
    """A model as data: named arrays, a JSON-ready document, and native files by relative name (bytes)."""

    arrays: Mapping[str, NDArray[Any]]
    document: Mapping[str, Any]
    files: Mapping[str, bytes] = attrs.field(factory=dict)


@runtime_checkable
class Stores(Protocol):
    """Turn a handle into data and back, without pickle."""

    def to_saved(self, handle: ModelHandle) -> SavedModel:
        """Everything needed to rebuild the handle."""

    def from_saved(self, saved: SavedModel, model: Any = None) -> ModelHandle:
        """Rebuild; ``model`` is a fresh native model of the same architecture where the framework needs the user's code (torch)."""


@attrs.frozen(kw_only=True)
class OperatorTime:
    """What one operator of a running model took: ``seconds`` per call of the model, and its ``share`` of all operators' time.

    ``name`` is the operator's in the model that ran, ``type`` the framework's name of what was executed (``"Conv"``, ``"QLinearConv"``),
    ``dtype`` the numpy name of its first input, or ``""`` where the framework does not say.
    """

    name: str
    type: str
    seconds: float
    share: float
    dtype: str = ""


@runtime_checkable
class Binds(Protocol):
    """Check and convert inputs once, so that repeated calls cost what the framework costs and nothing more."""

    def bind(
        self, handle: ModelHandle, batches: Sequence[Any], *, threads: int = 0, inter_op_threads: int | None = None
    ) -> tuple[Callable[[], object], ...]:
        """One call without arguments per batch, over one session; raises DataError for batches that do not fit.

        ``threads`` 0 and ``inter_op_threads`` None are the framework's default.
        """


@runtime_checkable
class Profiles(Protocol):
    """Say what each operator of a running model takes."""

    def profile(self, handle: ModelHandle, inputs: Any, *, calls: int = 10, threads: int = 1) -> tuple[OperatorTime, ...]:
        """Operators in execution order with their median time over ``calls`` runs of one batch, after a warm-up."""


def require(adaptor: Adaptor, role: type[Role], *, step: str) -> Role:
    """The adaptor seen as one role.

    Raises:
        MissingRoleError: the adaptor does not fill it.
    """
    if isinstance(adaptor, role):
        return adaptor
    raise MissingRoleError(
        f"{step} needs the role {role.__name__}, which the adaptor {adaptor.name!r} does not have.",
        where=f"step {step}",
        fix="use a model of a framework whose adaptor has this role (docs/roles.md lists them), or leave the step out",
    )
