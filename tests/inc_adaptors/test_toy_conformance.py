"""The toy adaptor passes every suite that ships: each role fits more than two frameworks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from inc_adaptors import roles
from inc_adaptors.testing import (
    AccessesWeightsConformance,
    AdaptorConformance,
    Case,
    DescribesConformance,
    DistillsConformance,
    ExportsConformance,
    IsolatesConformance,
    MixesPrecisionConformance,
    ObservesConformance,
    PlainTraining,
    QuantizesConformance,
    StoresConformance,
    TrainsConformance,
)
from inc_config.errors import MissingRoleError
from toy_adaptor import ToyAdaptor
from toy_graph import ToyModel, perceptron
from toy_tape import GradientDescent, cross_entropy

SIZES = (32, 128, 64, 10)


def _samples(count: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, SIZES[-1], count)
    centres = np.random.default_rng(0).normal(size=(SIZES[-1], SIZES[0]))
    return (centres[targets] + rng.normal(0.0, 0.3, (count, SIZES[0]))).astype(np.float32), targets


def _training() -> PlainTraining:
    loader = [_samples(16, seed) for seed in range(6)]
    return PlainTraining(loader=loader, loss=cross_entropy, optimizer=lambda parameters: GradientDescent(parameters, 0.05))


def _model(seed: int) -> ToyModel:
    return perceptron(SIZES, seed)


class _ToyCase:
    @pytest.fixture
    def case(self) -> Case:
        return Case(
            adaptor=ToyAdaptor(),
            make_model=_model,
            batches=tuple(_samples(size, size)[0] for size in (4, 8, 3, 5)),
            misfit=np.zeros((2, SIZES[0] + 1), np.float32),
            training=_training,
        )


class TestAdaptor(_ToyCase, AdaptorConformance):
    pass


class TestIsolates(_ToyCase, IsolatesConformance):
    pass


class TestMixesPrecision(_ToyCase, MixesPrecisionConformance):
    pass


class TestDescribes(_ToyCase, DescribesConformance):
    pass


class TestObserves(_ToyCase, ObservesConformance):
    pass


class TestQuantizes(_ToyCase, QuantizesConformance):
    pass


class TestTrains(_ToyCase, TrainsConformance):
    pass


class TestAccessesWeights(_ToyCase, AccessesWeightsConformance):
    pass


class TestDistills(_ToyCase, DistillsConformance):
    pass


class TestStores(_ToyCase, StoresConformance):
    pass


class TestExports(_ToyCase, ExportsConformance):
    pass


def test_a_missing_role_is_an_error_that_names_it() -> None:
    class OnlyOpens:
        name = "opener"

    assert roles.require(ToyAdaptor(), roles.Trains, step="Prune").train is not None
    with pytest.raises(MissingRoleError, match=r"Prune needs the role Trains.*'opener'"):
        roles.require(OnlyOpens(), roles.Trains, step="Prune")  # type: ignore[arg-type]  # not an adaptor, on purpose
