"""Every option of the SmoothQuant recipe is carried out, noted or refused before any data is read."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from graphs import batches, encoder
from inc_adaptors.onnxrt.emission.smoothing import settings_of
from inc_config.capabilities import Capabilities
from inc_config.errors import PlanError
from inc_config.plan import QuantizationPlan
from inc_config.recipes import Recipes
from onnx import ModelProto, numpy_helper
from test_emission import ADAPTOR, TARGET, Calibrated, with_threshold


def asked(recipe: Any) -> tuple[ModelProto, Capabilities, QuantizationPlan]:
    model = encoder()
    found = ADAPTOR.capabilities(ADAPTOR.open(model), TARGET)
    return model, found, attrs.evolve(found.plan(), recipes=Recipes(smooth_quant=recipe).changed)


def ready(recipe: Any) -> tuple[Calibrated, QuantizationPlan]:
    model, found, plan = asked(recipe)
    handle = ADAPTOR.open(model)
    return Calibrated(model, handle, found, ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (plan,)))), plan


@pytest.mark.parametrize(
    ("recipe", "threshold", "message"),
    [
        ({"percentile": 99.0}, "minmax", "percentile"),
        ({"op_types": ["Conv"]}, "minmax", "of type Conv"),
        ({"search": {"minimum": 0.8, "maximum": 0.2}}, "minmax", "from 0.8 to 0.2"),
        ({"search": {"step": 1e-9}}, "minmax", "steps of 1e-09"),
        ({}, "kl", "threshold 'kl' would need another pass"),
    ],
)
def test_what_is_not_offered_is_refused_before_calibration(recipe: dict[str, Any], threshold: str, message: str) -> None:
    _, found, plan = asked(recipe)
    with pytest.raises(PlanError, match=message):
        ADAPTOR.wanted(found, (with_threshold(plan, threshold),))


def test_only_the_types_asked_for_are_smoothed_and_cost_statistics() -> None:
    found, plan = ready({"op_types": ["Gemm"]})
    assert any(note == "SmoothQuant: alpha 0.5 on 1 inputs" for note in found.emit(plan).state.notes)
    _, plain_found, plain = asked(None)
    plain = attrs.evolve(plain, recipes={"smooth_quant": None})
    more, less = ADAPTOR.wanted(found.capabilities, (plan,)), ADAPTOR.wanted(plain_found, (plain,))
    assert {key.op.type for key in more if more[key] != less[key]} == {"Gemm"}


def test_a_search_by_blocks_is_said_to_do_nothing() -> None:
    found, plan = ready({"search": {"blockwise": True, "step": 0.5}})
    assert any("blockwise has no effect" in note for note in found.emit(plan).state.notes)


@pytest.mark.parametrize("shared", ["min", "mean", "max"])
def test_errors_of_products_that_share_an_input_are_joined_as_asked(shared: str) -> None:
    _, _, plan = asked({"search": {"shared": shared}})
    settings = settings_of(plan)
    assert settings is not None
    assert settings.joined([1.0, 2.0, 6.0]) == {"min": 1.0, "mean": 3.0, "max": 6.0}[shared]
    found, plan = ready({"search": {"shared": shared, "step": 0.25}})
    assert found.sqnr_db(plan) > 20.0


def test_weights_near_zero_are_clipped_from_below_or_not() -> None:
    """A channel whose weights are 1e-9 of the others would be divided by next to nothing: the clip bounds the scale."""
    model = encoder()
    name = next(node.input[1] for node in model.graph.node if node.name == "head")
    tensor = next(t for t in model.graph.initializer if t.name == name)
    weight = np.array(numpy_helper.to_array(tensor))
    weight[:, 3] *= 1e-9
    tensor.CopyFrom(numpy_helper.from_array(weight, name))
    reach = {}
    for clip in (True, False):
        handle = ADAPTOR.open(model)
        found = ADAPTOR.capabilities(handle, TARGET)
        recipe = Recipes(smooth_quant={"clip_weights": clip, "op_types": ["Gemm"], "folding": False}).changed
        plan = attrs.evolve(found.plan(), recipes=recipe)
        made = ADAPTOR.emitter(handle, ADAPTOR.observe(handle, batches(model), ADAPTOR.wanted(found, (plan,))), found).emit(plan).native
        factor = next(numpy_helper.to_array(t) for t in made.graph.initializer if t.name.endswith("_smoothing"))
        reach[clip] = float(factor.max() / factor.min())
    assert reach[False] > 50.0 * reach[True]
