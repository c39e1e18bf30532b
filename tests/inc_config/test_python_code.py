import ast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inc_config import EvaluationConfig, MetricConfig, Named, PipelineConfig, PruneConfig, to_python
from inc_config.python_code import config_code

RELAXED = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def run(code):
    names = {}
    exec(code, names)
    return names


@given(data=st.data())
@RELAXED
def test_the_printed_code_builds_an_equal_configuration(any_pipeline, data):
    pipeline = data.draw(any_pipeline)
    assert run(config_code(pipeline))["config"] == pipeline


def test_short_things_are_short_and_long_ones_broken():
    short = PipelineConfig(steps=[PruneConfig(pattern="2:4")])
    assert config_code(short).splitlines()[-1] == "config = PipelineConfig(steps=[PruneConfig(pattern='2:4')])"
    long = PipelineConfig(
        steps=[PruneConfig(exclude=[f"layer{i}" for i in range(30)])],
        evaluation=EvaluationConfig(metrics=["accuracy", Named("topk", {"k": 5}), MetricConfig(metric="topk", weight=2)]),
    )
    assert max(map(len, config_code(long).splitlines())) <= 100
    assert "metrics=['accuracy', Named('topk', {'k': 5}), MetricConfig(metric='topk', weight=2.0)]" in config_code(long)


def test_the_whole_text_ends_in_a_pipeline():
    code = to_python(PipelineConfig(steps=[PruneConfig()]))
    ast.parse(code)
    assert "from inc_orchestrate import Pipeline\n" in code
    assert code.endswith("pipeline = Pipeline.from_config(config)\n")
