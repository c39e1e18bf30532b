"""An adaptor over numpy functions: a third framework that every role must fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from inc_adaptors.batches import Fingerprint, batch_size, bind, check_reiterable, checked, split
from inc_adaptors.handle import ModelHandle, Signature, TensorSpec
from inc_adaptors.qparams import QParams
from inc_adaptors.roles import SavedModel
from inc_adaptors.statistics.create import create
from inc_adaptors.statistics.protocol import StatisticSpec
from inc_adaptors.statistics.store import Statistics
from inc_adaptors.store import pack_state, unpack_state
from inc_adaptors.thresholds import spec_for
from inc_config.capabilities import Capabilities, OpCapability, Reason, ReasonCode
from inc_config.convert import structure, unstructure
from inc_config.dtypes import FP16, INT8, UINT8, FloatType, Scheme
from inc_config.errors import DataError, ModelError, StepError, StoreError
from inc_config.plan import FLOAT, OpId, OpPlan, QuantizationPlan, RangeSource, TensorKey, TensorPlan
from inc_config.target import Runtime, Target
from numpy.typing import NDArray
from toy_emitter import ToyEmitter, range_of_batch
from toy_graph import PER_COLUMN, HalfLinear, IntegerLinear, Linear, Relu, ToyModel
from toy_tape import Node, lift
from toy_weights import ToyWeights

ACTIVATION = TensorPlan(dtype=UINT8, scheme=Scheme.ASYMMETRIC)
WEIGHT = TensorPlan(dtype=INT8, granularity=PER_COLUMN)
STATIC = OpPlan(inputs=(ACTIVATION,), weight=WEIGHT, compute_dtype=INT8)
HALF = OpPlan(compute_dtype=FP16)
DYNAMIC = attrs.evolve(STATIC, inputs=(attrs.evolve(ACTIVATION, ranges=RangeSource.DYNAMIC),))


class ToyAdaptor:
    """Every role but none of a framework."""

    name = "toy"
    mixes_with_integers = True

    def open(self, model: Any) -> ModelHandle:
        if not isinstance(model, ToyModel):
            raise ModelError(f"A {type(model).__name__} is not a toy model.", where="model", fix="give a ToyModel")
        first = next(linear for _, linear in model.linears())
        spec = TensorSpec(name="x", shape=(None, first.weight.value.shape[0]))
        return ModelHandle(framework=self.name, native=model, signature=Signature(inputs=(spec,)))

    def copy(self, handle: ModelHandle) -> ModelHandle:
        return attrs.evolve(handle, native=handle.native.copy())

    def predict(self, handle: ModelHandle, inputs: Any) -> tuple[NDArray[Any], ...]:
        return (handle.native(bind(inputs, handle.signature)["x"]).value,)

    def predictor(self, handle: ModelHandle, *, threads: int = 0) -> Callable[[Any], tuple[NDArray[Any], ...]]:
        return lambda inputs: self.predict(handle, inputs)

    def target(self) -> Target:
        return Target(runtime=Runtime.TORCH)

    def size_bytes(self, handle: ModelHandle) -> int:
        return sum(array.nbytes for array in handle.native.arrays().values())

    def fingerprint(self, handle: ModelHandle) -> str:
        return str(handle.native.fingerprint())

    def capabilities(self, handle: ModelHandle, target: Target, *, batches: Iterable[Any] = ()) -> Capabilities:
        ops = []
        for name, operator in handle.native.operators.items():
            op = OpId(name, 0, type(operator).__name__)
            if isinstance(operator, Linear):
                weight = operator.weight.value
                ops.append(OpCapability(op=op, options=(STATIC, DYNAMIC, FLOAT), weight_bytes=weight.nbytes, work=weight.size))
            else:
                ops.append(OpCapability(op=op, reason=Reason(ReasonCode.NO_INTEGER_KERNEL)))
        return Capabilities(target=target, ops=tuple(ops))

    def half(
        self,
        handle: ModelHandle,
        capabilities: Capabilities,
        precisions: Iterable[FloatType],
        *,
        batches: Iterable[Any] = (),
        smaller: bool = False,
    ) -> Capabilities:
        def judged(op: OpCapability) -> OpCapability:
            if op.op.type != "Linear" or FP16 not in asked or op.reason is not None:
                return op if op.options != (FLOAT,) or op.reason else attrs.evolve(op, reason=Reason(ReasonCode.NO_HALF_KERNEL))
            return attrs.evolve(op, options=(*op.options[:-1], HALF, FLOAT))

        asked = tuple(precisions)
        return attrs.evolve(capabilities, ops=tuple(judged(op) for op in capabilities.ops))

    def observe(
        self,
        handle: ModelHandle,
        batches: Iterable[Any],
        wanted: Mapping[TensorKey, frozenset[StatisticSpec]],
        *,
        progress: Callable[[int], None] = lambda samples: None,
    ) -> Statistics:
        values = {key: {spec: create(spec) for spec in specs} for key, specs in wanted.items()}
        by_name = {key.op.scope: list(values[key].values()) for key in wanted if key.role == "input:0"}
        content, samples = Fingerprint(), 0

        def seen(name: str, value: NDArray[np.float32]) -> None:
            for statistic in by_name.get(name, ()):
                statistic.update(value)

        for batch in checked(batches):
            handle.native(bind(batch, handle.signature)["x"], seen)
            content.update(batch)
            samples += batch_size(batch)
            progress(samples)
        return Statistics(values=values, samples=samples, model_fingerprint=self.fingerprint(handle), data_fingerprint=content.hexdigest())

    def wanted(self, capabilities: Capabilities, plans: Iterable[QuantizationPlan]) -> Mapping[TensorKey, frozenset[StatisticSpec]]:
        found: dict[TensorKey, set[StatisticSpec]] = {}
        for plan in plans:
            for op in plan.quantized:
                if not plan.ops[op].is_dynamic:
                    activation = plan.ops[op].inputs[0] or ACTIVATION
                    found.setdefault(TensorKey(op, "input:0"), set()).add(spec_for(activation))
        return {key: frozenset(specs) for key, specs in found.items()}

    def emitter(self, handle: ModelHandle, statistics: Statistics, capabilities: Capabilities) -> ToyEmitter:
        return ToyEmitter(handle, statistics, self.fingerprint(handle))

    def train(
        self,
        handle: ModelHandle,
        training: Any,
        hooks: Any,
        *,
        extra_parameters: Iterable[Any] = (),
        teacher: Callable[[Any], Any] | None = None,
        progress: Callable[[int, int], None] = lambda step, steps: None,
    ) -> ModelHandle:
        if training.steps is not None or (training.epochs or 1) > 1:
            check_reiterable(training.loader)
        per_epoch = len(training.loader) if hasattr(training.loader, "__len__") else sum(1 for _ in training.loader)
        if per_epoch == 0:
            raise DataError("There is not a single batch.", where="training", fix="give batches")
        total = training.steps or per_epoch * training.epochs
        optimizer = training.optimizer([*handle.native.parameters(), *extra_parameters])
        hooks.on_train_begin()
        step = epoch = 0
        while step < total:
            hooks.on_epoch_begin(epoch)
            for batch in training.loader:
                if step == total:
                    break
                inputs, targets = split(batch, ("x",))
                hooks.on_step_begin(step)
                outputs = handle.native(inputs)
                loss = training.loss(outputs, targets)
                loss = hooks.on_after_compute_loss(inputs, outputs, loss, None if teacher is None else teacher(inputs))
                optimizer.zero()
                loss.backward()
                hooks.on_before_optimizer_step()
                optimizer.step()
                hooks.on_after_optimizer_step()
                hooks.on_step_end()
                step += 1
                progress(step, total)
            hooks.on_epoch_end()
            epoch += 1
        hooks.on_train_end()
        return handle

    def teacher(self, model: Any) -> Callable[[Any], Any]:
        frozen = self.open(model).native.copy()
        return lambda inputs: Node(frozen(inputs).value)

    def weights(self, handle: ModelHandle) -> ToyWeights:
        return ToyWeights(handle.native, handle.state.masks)

    def soft_target_loss(self, kind: str, *, temperature: float) -> Callable[[Any, Any], Any]:
        losses = {"ce": _cross_entropy, "kl": _divergence, "mse": _squared_error}
        if kind not in losses:
            raise StepError(f"Unknown distillation loss {kind!r}.", where="loss", fix=f"one of {', '.join(losses)}")
        return lambda student, teacher: losses[kind](lift(student), lift(teacher).value, temperature)

    def export_onnx(self, handle: ModelHandle, path: Path, *, example_inputs: Any) -> Path:
        from onnx import TensorProto, helper, numpy_helper, save

        nodes, constants, last = [], [], "x"
        for name, operator in handle.native.operators.items():
            constants += [numpy_helper.from_array(array, f"{name}.{key}") for key, array in operator.arrays().items()]
            given = [f"{name}.{key}" for key in operator.arrays()]
            nodes.append(helper.make_node("Gemm" if isinstance(operator, Linear) else "Relu", [last, *given], [name], name=name))
            last = name
        width = handle.signature.inputs[0].shape[1]
        graph = helper.make_graph(
            nodes,
            "toy",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", width])],
            [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["batch", "outputs"])],
            constants,
        )
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        return path

    def to_saved(self, handle: ModelHandle) -> SavedModel:
        state_arrays, state = pack_state(handle.state)
        operators = [
            {
                "name": name,
                "type": type(operator).__name__,
                "plan": unstructure(operator.plan) if isinstance(operator, IntegerLinear) else None,
            }
            for name, operator in handle.native.operators.items()
        ]
        return SavedModel(arrays=handle.native.arrays() | state_arrays, document={"operators": operators, "state": state})

    def from_saved(self, saved: SavedModel, model: Any = None) -> ModelHandle:
        try:
            operators = {item["name"]: _operator(item, saved.arrays) for item in saved.document["operators"]}
            state = unpack_state(saved.arrays, saved.document["state"])
        except KeyError as error:
            raise StoreError(f"The saved model has no {error}.", where="saved model", fix="save the model again") from error
        loaded = ToyModel(operators)
        first = next(iter(operators.values()))
        width = len(next(iter(first.arrays().values())))
        signature = Signature(inputs=(TensorSpec(name="x", shape=(None, width)),))
        return ModelHandle(framework=self.name, native=loaded, signature=signature, state=state)


def _operator(item: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Any:
    name, kind = item["name"], item["type"]
    if kind == "Relu":
        return Relu()
    if kind == "HalfLinear":
        return HalfLinear(arrays[f"{name}.half_weight"], arrays[f"{name}.half_bias"])
    bias = arrays[f"{name}.bias"]
    if kind == "Linear":
        return Linear(Node(arrays[f"{name}.weight"]), Node(bias))
    weight_scale = arrays[f"{name}.weight_scale"]
    found = None
    if f"{name}.input_scale" in arrays:
        found = QParams(scale=arrays[f"{name}.input_scale"], zero_point=arrays[f"{name}.input_zero_point"])
    weight = QParams(scale=weight_scale, zero_point=np.zeros(weight_scale.shape, np.int32))
    return IntegerLinear(arrays[f"{name}.codes"], weight, bias, structure(item["plan"], TensorPlan), found, range_of_batch)


def _cross_entropy(student: Node, teacher: NDArray[Any], temperature: float) -> Node:
    soft = np.exp(Node(teacher * (1.0 / temperature)).log_softmax().value)
    return ((student * (1.0 / temperature)).log_softmax() * (-soft * temperature**2 / len(soft))).sum()


def _divergence(student: Node, teacher: NDArray[Any], temperature: float) -> Node:
    logs = Node(teacher * (1.0 / temperature)).log_softmax().value
    return _cross_entropy(student, teacher, temperature) + float((np.exp(logs) * logs).sum() * temperature**2 / len(logs))


def _squared_error(student: Node, teacher: NDArray[Any], temperature: float) -> Node:
    difference = student - teacher
    return (difference * difference).sum() * (1.0 / teacher.size)
