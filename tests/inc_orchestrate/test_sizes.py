"""Several sizes of the calibration data: tried one after the other, in one pass over the data."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_adaptors.onnxrt.adaptor import OnnxrtAdaptor
from inc_config import compat, load
from inc_config.named import Named
from inc_config.tuning import ExitPolicy, TuningConfig
from inc_orchestrate import FitResult, Pipeline, Progress, Quantize, Workers
from inc_orchestrate.data import CalibrationData, SampleIds
from inc_orchestrate.sizes import RECIPE, Portions, sizes_of
from onnx import TensorProto, helper, numpy_helper

WIDTH = 64


@given(batches=st.lists(st.integers(1, 7), min_size=1, max_size=8), sizes=st.sets(st.integers(1, 40), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_portions_are_the_data_in_order_each_sample_once(batches: list[int], sizes: set[int]) -> None:
    data = np.arange(sum(batches), dtype=np.float32)[:, None]
    parts = np.split(data, np.cumsum(batches)[:-1])
    ids = SampleIds()
    portions = Portions(CalibrationData(first=parts[0], rest=iter(parts[1:]), ids=ids))
    seen = 0
    for size in sorted(sizes):
        portion = portions.upto(size)
        if portion is None:
            assert seen == len(data)
            continue
        found = np.concatenate(list(portion.stream()))
        np.testing.assert_array_equal(found, data[seen : min(size, len(data))])
        seen += len(found)
        assert ids.count == seen


def test_sizes_rise_whatever_their_order() -> None:
    assert sizes_of(Quantize(calibration_samples=200, tuning=TuningConfig(calibration_samples=[500, 50, 200]))) == (50, 200, 500)


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    random = np.random.default_rng(0)
    weights = [numpy_helper.from_array(random.normal(size=(WIDTH, WIDTH)).astype(np.float32) / 8, f"w{layer}") for layer in range(2)]
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("MatMul", ["b", "w1"], ["y"], name="second"),
    ]
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", WIDTH])] for name in ("x", "y")]
    graph = helper.make_graph(nodes, "small", *ends, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def narrow_then_wide() -> list[np.ndarray[Any, Any]]:
    """Ten samples that promise small values, then forty as they come."""
    random = np.random.default_rng(1)
    return [(random.normal(size=(5, WIDTH)) * (0.02 if batch < 2 else 1.0)).astype(np.float32) for batch in range(10)]


def agreement(model: onnx.ModelProto) -> Any:
    """Share of values that a model gets as the original does, on data of full width."""
    adaptor = OnnxrtAdaptor(threads=1)
    inputs = np.random.default_rng(2).normal(size=(50, WIDTH)).astype(np.float32)
    expected = adaptor.predict(adaptor.open(model), inputs)[0]

    def evaluate(other: onnx.ModelProto) -> float:
        given = adaptor.predict(adaptor.open(other), inputs)[0]
        return float((np.abs(given - expected) < 0.1 * expected.std()).mean())

    return evaluate


def fit(model: onnx.ModelProto, step: Any, *, workspace: Path | None = None) -> FitResult:
    quiet = Progress(quiet=True)
    made = Pipeline([step], calibrate=narrow_then_wide(), evaluate=agreement(model), benchmark=False, progress=quiet, workspace=workspace)
    return made.fit(model)


def tried(**sizes: Any) -> Quantize:
    first = sizes.pop("first", 10)
    return Quantize(calibration_samples=first, tuning=TuningConfig(calibration_samples=sizes["more"], strategy=Named("basic")))


def test_the_next_size_is_tried_where_the_first_misses_the_criterion(model: onnx.ModelProto) -> None:
    result = fit(model, tried(more=[50]))
    assert result.is_feasible
    assert result.handle.state.plan.recipes == {RECIPE: 50}
    first, last = result.summary.trials[0], result.summary.trials[-1]
    assert not first.is_feasible
    assert last.is_feasible
    assert first.quantized == last.quantized == 2


def test_statistics_go_on_where_the_first_size_ended_and_are_those_of_one_pass(model: onnx.ModelProto) -> None:
    whole = fit(model, Quantize(calibration_samples=50)).handle.state.qparams
    portions = fit(model, tried(more=[50, 8])).handle.state.qparams
    assert whole.keys() == portions.keys()
    for key, (scale, zero_point) in whole.items():
        np.testing.assert_array_equal(portions[key][0], scale)
        np.testing.assert_array_equal(portions[key][1], zero_point)


def test_a_size_that_suffices_is_the_last(model: onnx.ModelProto) -> None:
    result = fit(model, tried(first=50, more=[100]))
    assert RECIPE not in result.handle.state.plan.recipes
    assert len(result.summary.trials) == 1
    assert not any("calibration" in note for note in result.summary.notes)


def test_data_that_end_before_a_size_are_said(model: onnx.ModelProto) -> None:
    progress = Progress(quiet=True)
    data = narrow_then_wide()[:2]
    Pipeline([tried(more=[50])], calibrate=data, evaluate=agreement(model), benchmark=False, progress=progress).fit(model)
    assert "calibration data ended after 10 samples: 50 were not tried" in progress.notes


def test_a_resumed_search_calibrates_for_the_model_it_delivers_and_tries_nothing_again(model: onnx.ModelProto, tmp_path: Path) -> None:
    first = fit(model, tried(more=[50]), workspace=tmp_path)
    again = fit(model, tried(more=[50]), workspace=tmp_path)
    assert len(again.summary.trials) == len(first.summary.trials)
    assert again.model.SerializeToString(deterministic=True) == first.model.SerializeToString(deterministic=True)


def test_trials_are_those_of_all_sizes_together(model: onnx.ModelProto) -> None:
    tuning = TuningConfig(calibration_samples=[20, 30], strategy=Named("basic"), exit_policy=ExitPolicy(max_trials=2))
    result = fit(model, Quantize(accuracy_loss=0.0, calibration_samples=5, tuning=tuning))
    assert len(result.summary.trials) == 2


def test_a_yaml_document_says_it(model: onnx.ModelProto) -> None:
    config = load("steps: [{kind: quantize, calibration_samples: 10, tuning: {strategy: basic, calibration_samples: [50]}}]")
    progress = Progress(quiet=True)
    evaluate = agreement(model)
    made = Pipeline.from_config(config, calibrate=narrow_then_wide(), evaluate=evaluate, benchmark=False, progress=progress)
    result = made.fit(model)
    assert result.handle.state.plan.recipes == {RECIPE: 50}
    assert not any("calibration_samples" in note for note in progress.notes)


def test_sampling_sizes_of_a_1x_file_mean_it(model: onnx.ModelProto, tmp_path: Path) -> None:
    path = tmp_path / "conf.yaml"
    path.write_text(
        "model: {name: small, framework: onnxrt_qlinearops}\nquantization: {calibration: {sampling_size: [10, 50]}}\n"
        "tuning: {accuracy_criterion: {relative: 0.01}}\n",
        encoding="utf-8",
    )
    translation = compat.translate(compat.load_v1(path))
    made = Pipeline.from_config(translation, calibrate=narrow_then_wide(), evaluate=agreement(model), benchmark=False, progress=False)
    assert made.fit(model).handle.state.plan.recipes[RECIPE] == 50


REMOTE = """
import numpy as np
import onnxruntime

def evaluate(model):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    given = session.run(None, {"x": np.load(INPUTS)})[0]
    expected = np.load(EXPECTED)
    return float((np.abs(given - expected) < 0.1 * expected.std()).mean())
"""


def test_workers_get_the_statistics_of_every_size(model: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = np.random.default_rng(2).normal(size=(50, WIDTH)).astype(np.float32)
    adaptor = OnnxrtAdaptor(threads=1)
    np.save(tmp_path / "inputs.npy", inputs)
    np.save(tmp_path / "expected.npy", adaptor.predict(adaptor.open(model), inputs)[0])
    names = f"INPUTS, EXPECTED = {str(tmp_path / 'inputs.npy')!r}, {str(tmp_path / 'expected.npy')!r}"
    (tmp_path / "sizes_judge.py").write_text(names + REMOTE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    judge = importlib.import_module("sizes_judge")
    workers = Workers(make=partial(ThreadPoolExecutor, 2), count=2)
    made = Pipeline(
        [tried(more=[50])], calibrate=narrow_then_wide(), evaluate=judge.evaluate, workers=workers, benchmark=False, progress=False
    )
    result = made.fit(model)
    assert result.is_feasible
    assert result.handle.state.plan.recipes == {RECIPE: 50}
