from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inc_config import LoaderConfig, PipelineConfig, PruneConfig, QuantizeConfig, TuningConfig, structure, to_yaml
from inc_config.brief import brief, changed
from inc_config.io import parse

RELAXED = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@given(data=st.data())
@RELAXED
def test_nothing_is_lost(any_pipeline, data):
    pipeline = data.draw(any_pipeline)
    assert structure(brief(pipeline), PipelineConfig) == pipeline
    assert parse(to_yaml(brief(pipeline)), PipelineConfig) == pipeline


def test_defaults_are_left_out():
    config = PipelineConfig(
        steps=[PruneConfig(), QuantizeConfig(tuning=TuningConfig(seed=3))], calibration=LoaderConfig(dataset="Synthetic", batch_size=8)
    )
    assert brief(config) == {
        "steps": ["prune", {"kind": "quantize", "tuning": {"seed": 3}}],
        "calibration": {"dataset": "Synthetic", "batch_size": 8},
    }


def test_a_live_step_counts_as_its_configuration():
    class Live(PruneConfig):
        """A step with a live object, as pipelines have them."""

    assert changed(Live(frequency=2), PruneConfig) == {"frequency": 2}
    assert brief(PipelineConfig(steps=[Live(frequency=2)])) == {"steps": [{"kind": "prune", "frequency": 2}]}
