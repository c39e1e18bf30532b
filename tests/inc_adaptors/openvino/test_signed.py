"""A model whose first convolution takes signed codes, in OpenVINO itself."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "onnxrt"))

from graphs import batches, resnet
from inc_adaptors.machine import isa
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.openvino.child import run_on
from inc_config.dtypes import INT8
from inc_config.target import Isa, Runtime, Target

ADAPTOR = OnnxrtAdaptor(threads=1)


@pytest.mark.skipif(isa() not in (Isa.AVX512_VNNI, Isa.AMX), reason="this processor has no VNNI: other targets take no signed codes")
def test_openvino_answers_as_well_as_onnxruntime_does() -> None:
    model = resnet()
    handle, feeds = ADAPTOR.open(model), batches(model)
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.OPENVINO, isa=isa()))
    statistics = ADAPTOR.observe(handle, feeds, ADAPTOR.wanted(found, (found.plan(),)))
    found = ADAPTOR.guard(handle, found, statistics)
    plan = found.plan()
    assert any(p.inputs and p.inputs[0] is not None and p.inputs[0].dtype == INT8 for p in plan.ops.values())
    made = ADAPTOR.emitter(handle, statistics, found).emit(plan, final=True)
    reference = np.concatenate([ADAPTOR.predict(handle, feed)[0] for feed in feeds])
    theirs = np.concatenate([answer[0] for answer in run_on(isa(), made.native, feeds)])
    noise = np.square(reference - theirs).sum() / np.square(reference).sum()
    assert -10.0 * np.log10(noise) > ADAPTOR.parity(handle, made, feeds)[0].sqnr_db - 1.0
