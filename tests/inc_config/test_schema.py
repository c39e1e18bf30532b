import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inc_config import json_schema, load, unstructure
from inc_config.brief import brief

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(json_schema())


@given(data=st.data())
@RELAXED
def test_what_is_written_is_valid_in_full_and_in_brief(any_pipeline, data):
    pipeline = data.draw(any_pipeline)
    VALIDATOR.validate(unstructure(pipeline))
    VALIDATOR.validate(brief(pipeline))


@pytest.mark.parametrize(
    "document",
    [
        {"steps": ["quantize"]},
        {"steps": []},
        {"steps": [{"kind": "prune", "pattern": "2:4", "criterion": {"snip_momentum": None}, "include": "a"}]},
        {"steps": ["distill"], "evaluation": {"metrics": "accuracy"}, "mode": "one-shot"},
        {"steps": ["prune"], "training": {"optimizer": {"name": "adam", "args": {"learning_rate": 1}}, "epochs": None}},
        {"steps": [{"kind": "quantize", "constraints": [{"types": "Conv", "weight": {"dtypes": "fp32", "schemes": "symmetric"}}]}]},
    ],
)
def test_what_is_accepted_is_valid(document):
    load(str(document).replace("'", '"').replace("None", "null"))
    VALIDATOR.validate(document)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"steps": [{"kind": "distill-self", "levels": []}]},
        {"steps": [{"kind": "distill-layers", "mappings": []}]},
        {"steps": [{"kind": "prune", "overrides": [{"include": []}]}]},
        {"steps": [{"kind": "quantize", "tuning": {"objectives": []}}]},
        {"steps": ["prun"]},
        {"steps": [{"kind": "prune", "target_sparsity": 1.0}]},
        {"steps": [{"kind": "prune", "end_step": -1}]},
        {"steps": [{"kind": "prune", "pattern": "4y1"}]},
        {"steps": [{"kind": "quantize", "tuning": {"exit_policy": {"max_trials": 0}}}]},
        {"steps": [{"kind": "quantize", "tuning": {"calibration_samples": [0]}}]},
        {"steps": [{"kind": "quantize", "recipes": {"smooth": True}}]},
        {"steps": ["distill-layers"]},
        {"steps": ["quantize"], "mod": "one-shot"},
        {"steps": ["quantize"], "evaluation": {"metrics": [3]}},
    ],
)
def test_what_is_refused_is_not_valid(document):
    assert not VALIDATOR.is_valid(document)


def test_every_field_has_its_default_and_its_limits():
    definitions = json_schema()["$defs"]
    assert definitions["PruneConfig"]["properties"]["target_sparsity"] == {
        "type": "number", "minimum": 0.0, "exclusiveMaximum": 1.0, "default": 0.5
    }  # fmt: skip
    assert definitions["PruneConfig"]["properties"]["end_step"] == {
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}],
        "default": None,
    }
    assert "full match" in definitions["PruneConfig"]["description"]
