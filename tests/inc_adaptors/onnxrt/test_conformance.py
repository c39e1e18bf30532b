from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphs import batches, depthwise, encoder, mlp
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_adaptors.testing import (
    AdaptorConformance,
    Case,
    DescribesConformance,
    ObservesConformance,
    QuantizesConformance,
    StoresConformance,
)

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
