import attrs
from inc_adaptors.roles import WeightInfo
from inc_config import PruneConfig, PruneOverride
from inc_orchestrate.pruning.select import Selection, select

WEIGHTS = (
    WeightInfo(name="stem", type="Conv2d", shape=(6, 3, 3, 3), matrix=(6, 27)),
    WeightInfo(name="block.conv", type="Conv2d", shape=(8, 8, 3, 3), matrix=(8, 72)),
    WeightInfo(name="norm", type="LayerNorm", shape=(8,), matrix=(8, 1)),
    WeightInfo(name="fc1", type="Linear", shape=(16, 8), matrix=(16, 8)),
    WeightInfo(name="head", type="Linear", shape=(10, 16), matrix=(10, 16)),
)


def chosen(selection: Selection) -> list[str]:
    return [choice.info.name for choice in selection.chosen]


def why(selection: Selection) -> dict[str, str]:
    return {each.name: each.reason for each in selection.excluded}


def test_the_classifier_head_is_kept_unless_named() -> None:
    assert chosen(select(WEIGHTS, PruneConfig())) == ["stem", "block.conv", "fc1"]
    assert "classifier head" in why(select(WEIGHTS, PruneConfig()))["head"]
    assert chosen(select(WEIGHTS, PruneConfig(include=["head"]))) == ["head"]
    assert "head" in chosen(select(WEIGHTS, PruneConfig(overrides=[PruneOverride(include="head", target_sparsity=0.2)])))


def test_an_override_leaves_out_what_it_excludes() -> None:
    overrides = [PruneOverride(include=".*", exclude="stem", target_sparsity=0.2)]
    found = {choice.info.name: choice.target_sparsity for choice in select(WEIGHTS, PruneConfig(overrides=overrides)).chosen}
    assert (found["stem"], found["head"]) == (0.5, 0.2)


def test_include_and_exclude_match_whole_names() -> None:
    assert chosen(select(WEIGHTS, PruneConfig(include=["block"]))) == []
    assert chosen(select(WEIGHTS, PruneConfig(include=[r"block\..*"]))) == ["block.conv"]
    selection = select(WEIGHTS, PruneConfig(exclude=["st.m"]))
    assert chosen(selection) == ["block.conv", "fc1"]
    assert why(selection)["stem"] == "matches exclude 'st.m'"


def test_layer_types_are_prefixes() -> None:
    assert chosen(select(WEIGHTS, PruneConfig(layer_types=["Conv"]))) == ["stem", "block.conv"]
    assert "LayerNorm" in why(select(WEIGHTS, PruneConfig()))["norm"]


def test_weights_that_do_not_divide_are_excluded_and_listed() -> None:
    selection = select(WEIGHTS, PruneConfig(pattern="4x1"))
    assert chosen(selection) == ["block.conv", "fc1"]
    assert why(selection)["stem"] == "6 x 27 does not divide into blocks of 4x1"
    by_group = select(WEIGHTS, PruneConfig(pattern="2:4", target_sparsity=0.5))
    assert why(by_group)["stem"] == "27 inputs do not divide into groups of 4"


def test_overrides_change_pattern_and_target_and_form_their_own_group() -> None:
    config = PruneConfig(
        target_sparsity=0.8,
        overrides=[PruneOverride(include="fc1", pattern="2:4", target_sparsity=0.5), PruneOverride(include="stem", target_sparsity=0.0)],
    )
    selection = select(WEIGHTS, config)
    assert [[c.info.name for c in group] for group in selection.groups()] == [["block.conv"], ["fc1"]]
    assert why(selection)["stem"] == "its target sparsity is 0"


def test_frozen_weights_are_left_to_criteria_that_need_no_gradient() -> None:
    frozen = (WEIGHTS[0], attrs.evolve(WEIGHTS[1], is_frozen=True))
    assert chosen(select(frozen, PruneConfig(criterion="magnitude"))) == ["stem", "block.conv"]
    selection = select(frozen, PruneConfig(criterion="snip_momentum"))
    assert chosen(selection) == ["stem"]
    assert why(selection)["block.conv"].startswith("it is frozen, so snip_momentum never sees a gradient")
