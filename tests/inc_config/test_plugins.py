import pytest
from inc_config import plugins
from inc_config.errors import PluginError


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution the way pip leaves it: a dist-info folder and a module on the path."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(distribution, points, modules=()):
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[inc.strategies]\n" + "".join(f"{name} = {value}\n" for name, value in points.items()))
        for name, text in modules:
            (tmp_path / f"{name}.py").write_text(text)

    return write


def test_a_name_is_resolved_when_it_is_asked_for(install):
    install("inc-try-one", {"greedy": "inc_try_greedy:make"}, [("inc_try_greedy", "def make():\n    return 'made'\n")])
    assert "greedy" in plugins.names("inc.strategies")
    assert plugins.load("inc.strategies", "greedy")() == "made"


def test_listing_names_imports_nothing(install):
    install("inc-try-two", {"explosive": "inc_try_explosive:make"}, [("inc_try_explosive", "raise RuntimeError('imported')\n")])
    assert "explosive" in plugins.names("inc.strategies")


def test_an_unknown_name_lists_the_known_and_the_closest(install):
    install("inc-try-three", {"Bayesian": "inc_try:make"})
    with pytest.raises(PluginError, match="Unknown name 'bayesan' among strategies") as caught:
        plugins.load("inc.strategies", "bayesan")
    assert "Bayesian" in caught.value.fix
    assert caught.value.fix.endswith("did you mean 'Bayesian'?")
    assert caught.value.where == "entry points inc.strategies"


def test_a_group_without_any_plug_in_says_so():
    with pytest.raises(PluginError) as caught:
        plugins.load("inc.nothings", "x")
    assert caught.value.fix == "install a package that provides nothings"


def test_two_packages_that_claim_a_name_are_both_named(install):
    install("inc-try-four", {"same": "inc_try_a:make"})
    install("inc-try-five", {"same": "inc_try_b:make"})
    with pytest.raises(PluginError, match="Two packages provide 'same'") as caught:
        plugins.load("inc.strategies", "same")
    assert "inc-try-four" in caught.value.what
    assert "inc-try-five" in caught.value.what


def test_the_same_target_twice_is_no_conflict(install):
    module = [("inc_try_same", "make = int\n")]
    install("inc-try-six", {"twice": "inc_try_same:make"}, module)
    install("inc-try-seven", {"twice": "inc_try_same:make"})
    assert plugins.load("inc.strategies", "twice") is int


@pytest.mark.parametrize("target", ["inc_try_missing:make", "inc_try_present:absent"])
def test_a_target_that_cannot_be_imported_names_its_package(install, target):
    install("inc-try-eight", {"broken": target}, [("inc_try_present", "")])
    with pytest.raises(PluginError, match="cannot be imported") as caught:
        plugins.load("inc.strategies", "broken")
    assert "inc-try-eight" in caught.value.where
    assert isinstance(caught.value.__cause__, ImportError | AttributeError)
