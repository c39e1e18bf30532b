"""The prediction of int16 overflow, held against OpenVINO on an instruction set without VNNI."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "onnxrt"))

from graphs import batches, depthwise, encoder, mlp, resnet
from inc_adaptors.machine import isa
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.saturation import saturation
from inc_adaptors.openvino.child import run_on
from inc_config.errors import ModelError
from inc_config.target import Isa, Runtime, Target
from onnx import ModelProto

ADAPTOR = OnnxrtAdaptor(threads=1)


@pytest.mark.skipif(isa() not in (Isa.AVX512, Isa.AVX512_VNNI, Isa.AMX), reason="this processor has no AVX-512")
@pytest.mark.parametrize("build", [resnet, depthwise, encoder, mlp])
def test_predicted_and_real_loss_agree_within_one_decibel(build: Any) -> None:
    model = build()
    handle = ADAPTOR.open(model)
    found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.OPENVINO, isa=Isa.AVX512_VNNI))
    feeds = batches(model)
    statistics = ADAPTOR.observe(handle, feeds, ADAPTOR.wanted(found, (found.plan(),)))
    made = ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True)
    references = [ADAPTOR.predict(handle, feed) for feed in feeds]
    predicted = saturation(made.native, feeds, references).loss_db[0]
    exact, clipped = (_sqnr(references, run_on(each, made.native, feeds)) for each in (isa(), Isa.AVX512))
    assert predicted == pytest.approx(exact - clipped, abs=1.0)


@pytest.mark.skipif(isa() not in (Isa.AVX512, Isa.AVX512_VNNI, Isa.AMX), reason="this processor has no AVX-512")
@pytest.mark.parametrize("build", [depthwise, encoder, mlp])
def test_four_fifths_of_the_real_loss_come_back_without_a_bit_less(build: Any) -> None:
    model = build()
    handle, feeds = ADAPTOR.open(model), batches(model)
    references = [ADAPTOR.predict(handle, feed) for feed in feeds]

    def made_for(each: Isa) -> ModelProto:
        found = ADAPTOR.capabilities(handle, Target(runtime=Runtime.OPENVINO, isa=each))
        statistics = ADAPTOR.observe(handle, feeds, ADAPTOR.wanted(found, (found.plan(),)))
        return ADAPTOR.emitter(handle, statistics, found).emit(found.plan(), final=True).native

    plain, widened = made_for(Isa.AVX512_VNNI), made_for(Isa.AVX512)
    exact = _sqnr(references, run_on(isa(), plain, feeds))
    clipped, mended = (_sqnr(references, run_on(Isa.AVX512, made, feeds)) for made in (plain, widened))
    assert exact - clipped > 10.0
    assert mended - clipped >= 0.8 * (exact - clipped)


def test_an_instruction_set_that_onednn_does_not_know_is_refused() -> None:
    with pytest.raises(ModelError, match="cannot be held to arm"):
        run_on(Isa.ARM, mlp(), [])


def _sqnr(references: Any, made: Any) -> float:
    x = np.concatenate([part[0].ravel() for part in references]).astype(np.float64)
    y = np.concatenate([part[0].ravel() for part in made]).astype(np.float64)
    return float(10 * np.log10(np.square(x).sum() / np.square(x - y).sum()))
