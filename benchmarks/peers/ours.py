"""This project's default plan for static quantization, or the same with another threshold method."""

from __future__ import annotations

from pathlib import Path

import attrs
import measured
import numpy as np
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.capabilities import Capabilities
from inc_config.named import Named
from inc_config.plan import OpPlan, QuantizationPlan, TensorPlan

THRESHOLDS = {"minmax": Named("minmax"), "percentile": Named("percentile", {"percentile": 99.99}), "entropy": Named("kl")}


def quantize(job: measured.Job, samples: list[np.ndarray], name: str) -> None:
    """Carry out one job."""
    del name
    threshold = THRESHOLDS[job["method"]]
    adaptor = OnnxrtAdaptor(threads=1)
    handle = adaptor.open(job["model"])
    capabilities = adaptor.capabilities(handle, adaptor.target(), batches=samples[:1])
    statistics = adaptor.observe(handle, samples, adaptor.wanted(capabilities, (planned(capabilities, threshold),)))
    capabilities = adaptor.guard(handle, capabilities, statistics, batches=samples[:1])
    made = adaptor.emitter(handle, statistics, capabilities).emit(planned(capabilities, threshold), final=True)
    Path(job["output"]).write_bytes(made.native.SerializeToString())


def planned(capabilities: Capabilities, threshold: Named) -> QuantizationPlan:
    """The default plan with every activation's threshold found as asked."""

    def tensor(plan: TensorPlan | None) -> TensorPlan | None:
        return None if plan is None else attrs.evolve(plan, threshold=threshold)

    def operator(plan: OpPlan) -> OpPlan:
        return attrs.evolve(plan, inputs=tuple(map(tensor, plan.inputs)), outputs=tuple(map(tensor, plan.outputs)))

    plan = capabilities.plan()
    return attrs.evolve(plan, ops={op: operator(op_plan) for op, op_plan in plan.ops.items()})


if __name__ == "__main__":
    measured.run(quantize)
