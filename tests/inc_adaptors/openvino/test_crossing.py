"""Products of two activations, in OpenVINO itself."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "onnxrt"))

import openvino
from graphs import batches, encoder
from inc_adaptors.machine import isa
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config.plan import QuantizationPlan
from inc_config.target import Isa, Runtime, Target

ADAPTOR = OnnxrtAdaptor(threads=1)


@pytest.mark.skipif(isa() not in (Isa.AVX512_VNNI, Isa.AMX), reason="this processor has no VNNI: other targets multiply floats there")
def test_openvino_multiplies_queries_and_keys_as_bytes_and_quantizes_nothing_by_itself() -> None:
    model = encoder()
    handle, feeds = ADAPTOR.open(model), batches(model, count=32)
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.OPENVINO, isa=isa()))
    emitter = ADAPTOR.emitter(handle, ADAPTOR.observe(handle, feeds, ADAPTOR.wanted(found, (found.plan(),))), found)
    plan = found.plan()
    crossed = [op for op, each in plan.ops.items() if each.is_quantized and op.type == "MatMul" and each.weight is None]
    assert len(crossed) == 2

    def executed(wanted: QuantizationPlan) -> tuple[list[str], float]:
        """Types of kernels that took bytes, and the power of the noise at the output."""
        core = openvino.Core()
        options = {"INFERENCE_NUM_THREADS": 1, "PERF_COUNT": True, "INFERENCE_PRECISION_HINT": "f32"}
        compiled = core.compile_model(core.read_model(emitter.emit(wanted, final=True).native.SerializeToString()), "CPU", options)
        request = compiled.create_infer_request()
        noise = 0.0
        for feed in feeds:
            made = next(iter(request.infer(feed).values()))
            noise += float(np.square(made - ADAPTOR.predict(handle, feed)[0]).sum())
        return [p.node_type for p in request.profiling_info if p.exec_type.lower().endswith(("i8", "u8")) and p.real_time], noise

    with_codes, noise = executed(plan)
    in_float, noise_in_float = executed(plan.with_float(crossed))
    assert sum(kind in ("MatMul", "Subgraph") for kind in with_codes) == sum(kind in ("MatMul", "Subgraph") for kind in in_float) + 2
    assert sum(kind == "FakeQuantize" for kind in with_codes) <= sum(kind == "FakeQuantize" for kind in in_float)
    assert noise < 1.25 * noise_in_float
