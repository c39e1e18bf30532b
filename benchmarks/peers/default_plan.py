"""From a model file to a quantized one: this project's default plan for static quantization, or the same with another threshold method."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.capabilities import Capabilities
from inc_config.named import Named
from inc_config.plan import OpPlan, QuantizationPlan, TensorPlan
from inc_config.target import Target

THRESHOLDS = {"minmax": Named("minmax"), "percentile": Named("percentile", {"percentile": 99.99}), "entropy": Named("kl")}


def write_default(
    model: Path, samples: Iterable[Any], output: Path, *, example: Any, method: str = "minmax", target: Target | None = None
) -> None:
    """Calibrate on a stream of batches, of which ``example`` is one, and write the quantized model; on one thread."""
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(model)
    capabilities = adaptor.capabilities(handle, target or adaptor.target(), batches=[example])
    threshold = THRESHOLDS[method]
    statistics = adaptor.observe(handle, samples, adaptor.wanted(capabilities, (planned(capabilities, threshold),)))
    capabilities = adaptor.guard(handle, capabilities, statistics, batches=[example])
    made = adaptor.emitter(handle, statistics, capabilities).emit(planned(capabilities, threshold), final=True)
    output.write_bytes(made.native.SerializeToString())


def planned(capabilities: Capabilities, threshold: Named) -> QuantizationPlan:
    """The default plan with every activation's threshold found as asked."""

    def tensor(plan: TensorPlan | None) -> TensorPlan | None:
        return None if plan is None else attrs.evolve(plan, threshold=threshold)

    def operator(plan: OpPlan) -> OpPlan:
        return attrs.evolve(plan, inputs=tuple(map(tensor, plan.inputs)), outputs=tuple(map(tensor, plan.outputs)))

    plan = capabilities.plan()
    return attrs.evolve(plan, ops={op: operator(op_plan) for op, op_plan in plan.ops.items()})
