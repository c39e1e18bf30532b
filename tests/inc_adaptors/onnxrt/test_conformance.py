from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from graphs import batches, depthwise, encoder, mlp
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.onnxrt.half.calls import Call
from inc_adaptors.onnxrt.half.measuring import Found, HalfKernels
from inc_adaptors.testing import (
    AdaptorConformance,
    Case,
    DescribesConformance,
    HostsConformance,
    IsolatesConformance,
    MixesPrecisionConformance,
    ObservesConformance,
    QuantizesConformance,
    StoresConformance,
)
from inc_config.dtypes import FP16, FloatType
from inc_config.target import Target

MODELS: dict[str, Callable[..., Any]] = {
    "depthwise": lambda seed: depthwise(seed=seed, width=32),
    "mlp": lambda seed: mlp(seed=seed, width=96),
    "encoder": lambda seed: encoder(seed=seed),
}


@pytest.fixture(params=MODELS)
def case(request: pytest.FixtureRequest) -> Case:
    make = MODELS[request.param]
    feeds = tuple(feed["x"] for feed in batches(make(0)))
    return Case(adaptor=OnnxrtAdaptor(threads=1), make_model=make, batches=feeds, misfit=np.zeros((2, 5, 7), np.float32), sqnr_db=25.0)


class TestMixingPrecision(MixesPrecisionConformance):
    @pytest.fixture
    def case(self, case: Case) -> Case:
        # This machine's onnxruntime may have no fp16 kernels: it computes these models all the same, between casts of its own.
        return attrs.evolve(case, adaptor=OnnxrtAdaptor(threads=1, kernels=HalfKernels(_as_if_in_fp16)))


def _as_if_in_fp16(call: Call, dtype: FloatType, target: Target) -> Found:
    return Found(has_kernel=dtype is FP16, speedup=2.0, inner=2.0, why="pretended")


class TestOpening(AdaptorConformance):
    pass


class TestDescribing(DescribesConformance):
    pass


class TestObserving(ObservesConformance):
    pass


class TestQuantizing(QuantizesConformance):
    pass


class TestStoring(StoresConformance):
    pass


class TestIsolating(IsolatesConformance):
    pass


class TestHosting(HostsConformance):
    pass
