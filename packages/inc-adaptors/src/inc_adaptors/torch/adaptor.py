"""The PyTorch adaptor: every role, each in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import attrs
import torch
from inc_config.capabilities import Capabilities
from inc_config.dtypes import FloatType
from inc_config.errors import ModelError
from inc_config.named import Named
from inc_config.plan import QuantizationPlan, TensorKey
from inc_config.target import Device, Runtime, Target
from numpy.typing import NDArray
from torch import nn

from inc_adaptors import machine
from inc_adaptors.handle import ModelHandle, Signature
from inc_adaptors.hooks import TrainingHooks
from inc_adaptors.roles import Emitter, OperatorTime, SavedModel, TrainingSpec, Weights
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.torch import describe, distill, emit, export, half, identity, observe, profile, store, train
from inc_adaptors.torch import named as naming
from inc_adaptors.torch.calling import call_checked, device_of, evaluation, outputs_of, required_inputs, to_native
from inc_adaptors.torch.int8 import check_trainable
from inc_adaptors.torch.sharing import copied, evaluation_view
from inc_adaptors.torch.trace import remember, remembered
from inc_adaptors.torch.weights import TorchWeights


@attrs.frozen(kw_only=True)
class TorchAdaptor:
    """PyTorch modules on the module route: int8 operators take the place of the user's layers, no tracing, no compiler.

    ``minimum_work`` is the multiply-adds per sample below which an operator beside bigger ones stays in float, because setting up an
    integer call costs more. ``half_speed`` says how many times as fast as fp32 a layer is in 16 bits (None: it does not run so).
    """

    name: str = attrs.field(default="torch", init=False)
    minimum_work: int = attrs.field(default=describe.MINIMUM_WORK, validator=attrs.validators.ge(0))
    half_speed: half.Speed = attrs.field(default=half.measured)
    mixes_with_integers: ClassVar[bool] = False

    def open(self, model: Any) -> ModelHandle:
        """Wrap a module.

        Raises:
            ModelError: not a module, or a compiled one whose code can no longer be changed.
        """
        if not isinstance(model, nn.Module):
            raise ModelError(
                f"A {type(model).__name__} is not a PyTorch model.",
                where="model",
                fix="give an instance of torch.nn.Module (with its weights loaded)",
            )
        if isinstance(model, torch.jit.ScriptModule) or hasattr(model, "_orig_mod"):
            raise ModelError(
                f"{type(model).__name__} is compiled, and its layers cannot be changed any more.",
                where="model",
                fix="give the module before torch.compile or torch.jit (after torch.compile: model._orig_mod)",
            )
        return ModelHandle(framework=self.name, native=model, signature=Signature(required_inputs=required_inputs(model)))

    def copy(self, handle: ModelHandle) -> ModelHandle:
        """An independent copy."""
        native = copied(handle.native)
        if (found := remembered(handle.native)) is not None:
            remember(native, found)
        return attrs.evolve(handle, native=native)

    def predict(self, handle: ModelHandle, inputs: Any) -> tuple[NDArray[Any], ...]:
        """Outputs of one batch in evaluation mode; the model's own mode is restored."""
        model: nn.Module = handle.native
        with evaluation(model):
            return outputs_of(call_checked(model, to_native(inputs, device_of(model))))

    def predictor(self, handle: ModelHandle, *, threads: int = 0) -> Callable[[Any], tuple[NDArray[Any], ...]]:
        """A callable over a view of the model that stays in evaluation mode and shares its weights."""
        view = evaluation_view(handle.native)
        device = device_of(view)

        def run(inputs: Any) -> tuple[NDArray[Any], ...]:
            with torch.no_grad():
                return outputs_of(call_checked(view, to_native(inputs, device)))

        def run_with_threads(inputs: Any) -> tuple[NDArray[Any], ...]:
            before = torch.get_num_threads()
            torch.set_num_threads(threads)
            try:
                return run(inputs)
            finally:
                torch.set_num_threads(before)

        return run_with_threads if threads else run

    def bind(
        self, handle: ModelHandle, batches: Sequence[Any], *, threads: int = 0, inter_op_threads: int | None = None
    ) -> tuple[Callable[[], object], ...]:
        """Calls over a view in evaluation mode and tensors made beforehand."""
        return profile.bind_batches(handle.native, batches, threads=threads, inter_op_threads=inter_op_threads)

    def profile(self, handle: ModelHandle, inputs: Any, *, calls: int = 10, threads: int = 1) -> tuple[OperatorTime, ...]:
        """What PyTorch's profiler says of each module that runs operators itself."""
        return profile.profile_operators(handle.native, inputs, calls=calls, threads=threads)

    def target(self) -> Target:
        """torch on this machine's CPU, where the integer kernels are."""
        return Target(runtime=Runtime.TORCH, isa=machine.isa(), device=Device.CPU)

    def size_bytes(self, handle: ModelHandle) -> int:
        """Bytes of parameters and buffers."""
        return identity.size_bytes(handle.native)

    def fingerprint(self, handle: ModelHandle) -> str:
        """SHA-256 over structure and weights."""
        return identity.fingerprint(handle.native)

    def capabilities(self, handle: ModelHandle, target: Target, *, batches: Iterable[Any] = ()) -> Capabilities:
        """Operators in execution order, from running the first of ``batches``."""
        return describe.capabilities(handle.native, machine.resolved(target), batches, minimum_work=self.minimum_work)

    def half(
        self,
        handle: ModelHandle,
        capabilities: Capabilities,
        precisions: Iterable[FloatType],
        *,
        batches: Iterable[Any] = (),
        smaller: bool = False,
    ) -> Capabilities:
        """Layers that were measured to be faster in 16 bits, with a cast on each side; needs a batch."""
        return half.half_options(handle.native, capabilities, precisions, batches, speed=self.half_speed, smaller=smaller)

    def observe(
        self,
        handle: ModelHandle,
        batches: Iterable[Any],
        wanted: Mapping[TensorKey, frozenset[StatisticSpec]],
        *,
        progress: Callable[[int], None] = lambda samples: None,
    ) -> Statistics:
        """One pass of forward hooks over the batches."""
        return observe.observe(handle.native, batches, wanted, progress)

    def wanted(self, capabilities: Capabilities, plans: Iterable[QuantizationPlan]) -> Mapping[TensorKey, frozenset[StatisticSpec]]:
        """Input statistics that the plans need."""
        return emit.wanted(capabilities, plans)

    def emitter(self, handle: ModelHandle, statistics: Statistics, capabilities: Capabilities) -> Emitter:
        """Emission for one calibration."""
        return emit.TorchEmitter(handle, statistics, capabilities)

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
        """The training loop; the module is trained in place."""
        task = train.Task(
            model=handle.native,
            training=training,
            hooks=hooks,
            extra_parameters=tuple(extra_parameters),
            teacher=teacher,
            progress=progress,
        )
        train.train(task)
        return handle

    def check_training(self, handle: ModelHandle, training: TrainingSpec) -> None:
        """The training's device is there, and every layer has gradients."""
        check_trainable(handle.native)
        train.device_named(training.device, torch.device("cpu"))

    def teacher(self, model: Any) -> Callable[[Any], Any]:
        """A frozen teacher from a module or a handle."""
        return distill.Teacher(self.open(model.native if isinstance(model, ModelHandle) else model).native)

    def weights(self, handle: ModelHandle) -> Weights:
        """Weight access with the handle's masks installed."""
        return TorchWeights(handle.native, handle.state.masks)

    def soft_target_loss(self, kind: str, *, temperature: float) -> Callable[[Any, Any], Any]:
        """Soft cross-entropy, KL divergence or squared error of logits."""
        return distill.soft_target_loss(kind, temperature=temperature)

    def loss_named(self, named: Named) -> Callable[[Any, Any], Any]:
        """A loss of ``torch.nn.functional``."""
        return naming.loss_named(named)

    def optimizer_named(self, named: Named) -> Callable[[Iterable[Any]], Any]:
        """A factory of a ``torch.optim`` optimizer."""
        return naming.optimizer_named(named)

    def export_onnx(self, handle: ModelHandle, path: Path, *, example_inputs: Any) -> Path:
        """An fp32 ONNX file with a dynamic batch axis."""
        return export.export_onnx(handle.native, path, example_inputs)

    def to_saved(self, handle: ModelHandle) -> SavedModel:
        """Arrays and surgery records."""
        return store.to_saved(handle)

    def from_saved(self, saved: SavedModel, model: Any = None) -> ModelHandle:
        """Rebuild on a fresh module of the same architecture."""
        return store.from_saved(saved, model, self.open)
