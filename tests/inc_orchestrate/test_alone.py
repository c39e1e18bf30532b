"""Samples are dealt out to operators, and what each makes of its own ranks them as all samples would."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_adaptors.detect import adaptor_for
from inc_adaptors.handle import Signature, TensorSpec
from inc_adaptors.roles import FloatRun
from inc_config.plan import OpId
from inc_orchestrate import Quantize
from inc_orchestrate.alone import FEWEST, MOST, Alone, difference, share, shares, singly
from inc_orchestrate.candidates import candidates
from inc_orchestrate.data import calibration_data
from inc_orchestrate.probes import Prober, noise_share
from inc_orchestrate.progress import Progress
from inc_strategy import Probe
from onnx import ModelProto, TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]


class Counted:
    """An isolation over numbers: the model returns its input, and an operator alone adds its own scope's number to it."""

    def __init__(self, ops: Iterable[OpId]) -> None:
        self.ops = tuple(ops)
        self.floats_run: list[float] = []
        self.alone_run: list[tuple[str, float]] = []
        self.kept: dict[float, set[OpId]] = {}

    def floats(self, inputs: Any, ops: Iterable[OpId]) -> FloatRun:
        value = float(inputs[0])
        self.floats_run.append(value)
        self.kept[value] = set(ops)
        return FloatRun(feed={"x": inputs}, outputs=(inputs,))

    def alone(self, op: OpId) -> Callable[[FloatRun], tuple[Array, ...]]:
        def run(floats: FloatRun) -> tuple[Array, ...]:
            value = float(floats.outputs[0][0])
            assert op in self.kept[value], "the float run was not made for this operator"
            self.alone_run.append((op.scope, value))
            return (floats.outputs[0] + float(op.scope),)

        return run

    def close(self) -> None:
        pass


def operators(count: int) -> list[OpId]:
    return [OpId(str(place), 0, "Conv") for place in range(count)]


@given(st.integers(1, 200), st.integers(1, 300))
def test_every_operator_gets_samples_and_no_sample_is_run_twice_in_float(ops: int, samples: int) -> None:
    found = shares(ops, samples)
    assert len(found) == ops
    assert all(0 <= own.start < own.stop <= samples for own in found)
    assert {len(own) for own in found} == {min(samples, max(FEWEST, min(MOST, max(128, 2 * samples) // ops)))}
    assert all(before.start <= after.start for before, after in pairwise(found))
    isolation = Counted(operators(ops))
    alone = Alone(isolation, [np.array([float(place)]) for place in range(samples)], isolation.ops)
    assert dict(alone.noises()) == {op: pytest.approx(float(op.scope) ** 2) for op in isolation.ops}
    assert len(set(isolation.floats_run)) == len(isolation.floats_run) <= samples
    assert len(set(isolation.alone_run)) == len(isolation.alone_run) == sum(map(len, found))


def test_a_sample_costs_two_runs_of_operators_where_there_are_enough() -> None:
    """54 operators, 64 samples: a float run of each, and 108 runs of what follows an operator."""
    found = shares(54, 64)
    assert sum(map(len, found)) == 108
    assert {place for own in found for place in own} == set(range(64))


def test_noise_is_compared_with_the_signal_of_all_samples() -> None:
    isolation = Counted(operators(3))
    samples = [np.array([value]) for value in (1.0, 2.0, 3.0)]
    alone = Alone(isolation, samples, isolation.ops)
    noises = dict(alone.noises())
    # Two samples each; mean signal (1 + 4 + 9) / 3; noise power 0, 1, 4 whatever the sample.
    assert [alone.score(noises[op]) for op in isolation.ops] == pytest.approx([0.0, 3 / 14, 12 / 14])


def test_operators_without_an_integer_form_of_their_own_score_nothing_and_take_no_samples() -> None:
    ops = operators(3)
    isolation = Counted([ops[2]])
    assert dict(Alone(isolation, [np.array([1.0])] * 1, ops).noises()) == {ops[0]: 0.0, ops[1]: 0.0, ops[2]: 4.0}
    assert isolation.alone_run == [("2", 1.0)]


def test_outputs_that_are_not_finite_are_the_worst_noise() -> None:
    assert difference((np.array([np.nan]),), (np.array([1.0]),)) == 1e30
    assert share(1e30, 5.0) == 1e30
    assert share(0.0, 0.0) == 0.0
    assert share(1.0, 0.0) == 1e30


def signature(*first: int | None) -> Signature:
    return Signature(inputs=tuple(TensorSpec(name=f"x{place}", shape=(axis, 2)) for place, axis in enumerate(first)))


def test_batches_are_taken_apart_where_the_model_takes_single_samples() -> None:
    batch = (np.arange(6, dtype=np.float32).reshape(3, 2), np.ones((3, 2), np.float32))
    found = singly([batch], signature(None, None))
    assert [sample["x0"].tolist() for sample in found] == [[[0.0, 1.0]], [[2.0, 3.0]], [[4.0, 5.0]]]
    assert all(sample["x1"].shape == (1, 2) for sample in found)


def test_batches_of_a_fixed_size_or_without_one_stay_whole() -> None:
    fixed = (np.ones((3, 2), np.float32),)
    assert singly([fixed], signature(3)) == [fixed]
    assert singly([fixed], Signature()) == [fixed]
    uneven = (np.ones((3, 2), np.float32), np.ones((1, 2), np.float32))
    assert singly([uneven], signature(None, None)) == [uneven]


WIDTH, DEPTH = 24, 16


def graded(*, batch: int | str = "n") -> ModelProto:
    """Sixteen residual layers. Before each, one feature is multiplied by 1 to 100, and the weights divide it out again.

    In float nothing changes; in integers one range per tensor leaves the other features the less, the larger the factor is.
    """
    random = np.random.default_rng(0)
    nodes, weights = [], []
    name = "x"
    for layer, factor in enumerate(random.permutation(np.geomspace(1.0, 100.0, DEPTH))):
        scale = np.ones(WIDTH)
        scale[0] = factor
        matrix = random.normal(size=(WIDTH, WIDTH)) / WIDTH**0.5 / scale[:, None]
        for kind, value in (("scale", scale), ("weight", matrix)):
            weights.append(numpy_helper.from_array(value.astype(np.float32), f"{kind}{layer}"))
        nodes += [
            helper.make_node("Mul", [name, f"scale{layer}"], [f"scaled{layer}"], f"mul{layer}"),
            helper.make_node("MatMul", [f"scaled{layer}", f"weight{layer}"], [f"product{layer}"], f"layer{layer}"),
            helper.make_node("Tanh", [f"product{layer}"], [f"bent{layer}"], f"tanh{layer}"),
            helper.make_node("Add", [name, f"bent{layer}"], [f"y{layer}"], f"add{layer}"),
        ]
        name = f"y{layer}"
    ends = [helper.make_tensor_value_info(each, TensorProto.FLOAT, [batch, WIDTH]) for each in ("x", name)]
    graph = helper.make_graph(nodes, "graded", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


class Job:
    """A model with its calibration data and a prober."""

    def __init__(self, model: ModelProto, data: list[Array]) -> None:
        self.adaptor = adaptor_for(model)
        self.handle = self.adaptor.open(model)
        self.data = data
        calibration = calibration_data(data, samples=200, signature=self.handle.signature)
        config = Quantize(exclude_types=["Mul", "Add"])
        quiet = Progress(quiet=True)
        found = candidates(self.adaptor, self.handle, config, example=data[0], calibration=calibration, progress=quiet)
        self.plan = found.capabilities.plan()
        self.prober = Prober(adaptor=self.adaptor, original=self.handle, emitter=found.emitter, batches=found.kept, progress=quiet)

    def scores(self, **changes: Any) -> dict[OpId, float]:
        result = attrs.evolve(self.prober, **changes).run(0, Probe("mse", self.plan, self.plan.quantized))
        assert result.error is None
        return dict(result.scores)

    def exhaustive(self) -> dict[OpId, float]:
        """Every operator in a model of its own, on all the data."""
        expected = [self.adaptor.predict(self.handle, batch)[0].astype(np.float64) for batch in self.data]
        found = {}
        for op in self.plan.quantized:
            alone = self.prober.emitter.emit(self.plan.with_float(set(self.plan.quantized) - {op}))
            found[op] = noise_share([self.adaptor.predict(alone, batch)[0].astype(np.float64) for batch in self.data], expected)
        return found


class OnlyEmits:
    """An emitter that makes whole models only."""

    def __init__(self, emitter: Any) -> None:
        self.emit = emitter.emit


def spearman(first: dict[OpId, float], second: dict[OpId, float]) -> float:
    ranks = [np.argsort(np.argsort([scores[op] for op in first])) for scores in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def worst(scores: dict[OpId, float], count: int) -> set[OpId]:
    return set(sorted(scores, key=lambda op: -scores[op])[:count])


def rows(*sizes: int) -> list[Array]:
    random = np.random.default_rng(1)
    return [random.normal(size=(size, WIDTH)).astype(np.float32) for size in sizes]


@pytest.mark.parametrize("data", [rows(*[1] * 64), rows(20, 20, 20, 20), rows(6)], ids=["single", "batches", "few"])
def test_operators_rank_as_they_do_on_all_samples(data: list[Array]) -> None:
    job = Job(graded(), data)
    probed, exact = job.scores(), job.exhaustive()
    assert len(probed) == DEPTH
    assert spearman(probed, exact) > 0.95
    assert sum(exact[op] for op in worst(probed, 3)) > 0.9 * sum(exact[op] for op in worst(exact, 3))
    for op, score in probed.items():
        assert 0.2 < score / exact[op] < 5.0


def test_a_probe_is_the_same_each_time() -> None:
    assert Job(graded(), rows(20, 20)).scores() == Job(graded(), rows(20, 20)).scores()


def test_a_model_of_small_fixed_batches_is_probed_by_whole_batches() -> None:
    job = Job(graded(batch=4), rows(*[4] * 16))
    assert spearman(job.scores(), job.exhaustive()) > 0.95


@pytest.mark.parametrize("hidden", [False, True], ids=["large batches", "whole models only"])
def test_where_operators_are_not_isolated_each_is_a_model_of_its_own(*, hidden: bool) -> None:
    """All on the first batches that hold eight samples; large batches of a fixed size would take too much memory apart."""
    job = Job(graded(batch="n" if hidden else 12), rows(12, 12))
    scores = job.scores(emitter=OnlyEmits(job.prober.emitter)) if hidden else job.scores()
    job.data = job.data[:1]
    assert scores == pytest.approx(job.exhaustive())


def test_a_probe_stops_when_its_time_is_over() -> None:
    job = Job(graded(), rows(20))
    result = job.prober.run(0, Probe("mse", job.plan, job.plan.quantized, budget_s=1e-9))
    assert result.error is None
    assert result.scores == {}
