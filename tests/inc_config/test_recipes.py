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
