import pytest
from inc_config import (
    DistillConfig,
    DistillLayersConfig,
    DistillSelfConfig,
    LayerMapping,
    MixedPrecisionConfig,
    OutputPair,
    PipelineConfig,
    PruneConfig,
    QuantizeAwareConfig,
    QuantizeConfig,
    SelfLevel,
    unstructure,
)
from inc_config.pipeline import STEP_KINDS, step_kind


def test_every_step_has_a_kind_in_documents():
    config = PipelineConfig(
        steps=[
            PruneConfig(),
            DistillConfig(),
            DistillLayersConfig(mappings=[LayerMapping(student="a")]),
            DistillSelfConfig(levels=[SelfLevel(pairs=[OutputPair(student="a", teacher="b")])]),
            QuantizeAwareConfig(),
            QuantizeConfig(),
            MixedPrecisionConfig(),
        ]
    )
    assert [step_kind(step) for step in config.steps] == list(STEP_KINDS)
    assert [step["kind"] for step in unstructure(config)["steps"]] == list(STEP_KINDS)


def test_a_step_with_more_than_its_configuration_is_written_as_its_configuration():
    class Live(PruneConfig):
        """A thin subclass with a live object, as steps are."""

    assert unstructure(PipelineConfig(steps=[Live()])) == unstructure(PipelineConfig(steps=[PruneConfig()]))


def test_a_pipeline_has_a_known_mode():
    with pytest.raises(ValueError, match="Unknown pipeline mode 'oneshot'"):
        PipelineConfig(steps=[QuantizeConfig()], mode="oneshot")
