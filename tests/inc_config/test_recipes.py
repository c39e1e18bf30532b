import pytest
from inc_config import AlphaSearch, GraphLevel, QuantizeConfig, Recipes, SmoothQuant


def test_recipes_may_be_given_as_a_mapping():
    recipes = Recipes(graph_level="basic", first_conv_or_matmul=False)
    assert QuantizeConfig(recipes=recipes).recipes is recipes
    assert QuantizeConfig(recipes={"graph_level": "basic", "first_conv_or_matmul": False}).recipes == recipes
    assert recipes.graph_level is GraphLevel.BASIC


def test_what_differs_from_the_defaults_is_plain_data():
    assert Recipes().changed == {}
    assert Recipes(graph_level="basic", float_outputs="Conv").changed == {"graph_level": "basic", "float_outputs": ("Conv",)}
    changed = Recipes(smooth_quant=SmoothQuant(alphas=0.7, search=AlphaSearch(step=0.2))).changed
    assert changed["smooth_quant"]["alphas"] == (0.7,)
    assert changed["smooth_quant"]["search"]["step"] == 0.2
    assert changed["smooth_quant"]["search"]["shared"] == "mean"
    hash(changed)


def test_nested_options_may_be_mappings_too():
    made = Recipes(smooth_quant={"alphas": 0.7, "search": {"step": 0.2}})
    assert made == Recipes(smooth_quant=SmoothQuant(alphas=0.7, search=AlphaSearch(step=0.2)))
    assert QuantizeConfig(recipes={"smooth_quant": {}}).recipes == Recipes(smooth_quant=SmoothQuant())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"smooth_quant": {"alpha": 0.5}}, "SmoothQuant has no field 'alpha'"),
        ({"smooth_quant": {"search": {"steps": 1}}}, "AlphaSearch has no field 'steps'"),
        ({"smooth_quant": 0.5}, "0.5 is not a mapping"),
    ],
)
def test_wrong_nested_options_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Recipes(**given)
