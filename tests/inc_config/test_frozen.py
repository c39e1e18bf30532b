import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_config import FrozenMap
from inc_config.frozen import freeze, freeze_map, thaw

keys_and_values = st.dictionaries(st.text(max_size=3), st.integers(), max_size=5)


@given(keys_and_values)
def test_it_is_the_mapping_it_was_made_from(data):
    frozen = FrozenMap(data)
    assert frozen == data
    assert list(frozen.items()) == list(data.items())
    assert len(frozen) == len(data)
    assert all(frozen[key] == value and key in frozen for key, value in data.items())


@given(data=st.data(), entries=keys_and_values)
def test_equality_and_hash_ignore_order(data, entries):
    shuffled = dict(data.draw(st.permutations(list(entries.items()))))
    assert FrozenMap(entries) == FrozenMap(shuffled)
    assert hash(FrozenMap(entries)) == hash(FrozenMap(shuffled))


def test_it_does_not_follow_its_source_and_cannot_be_changed():
    source = {"a": 1}
    frozen = FrozenMap(source)
    source["a"] = 2
    assert frozen["a"] == 1
    with pytest.raises(TypeError):
        frozen["a"] = 3
    assert FrozenMap() == {}
    assert repr(frozen) == "FrozenMap({'a': 1})"
    assert (frozen == 1) is False


@given(data=st.data())
def test_thaw_undoes_freeze_and_frozen_data_is_hashable(any_plain, data):
    value = data.draw(any_plain)
    assert thaw(freeze(value)) == value
    hash(freeze(value))


@pytest.mark.parametrize("wrong", [object(), {1, 2}, b"x", float("nan"), float("inf"), [1, {"a": object()}], {1: 2}, {"a": {None: 1}}])
def test_only_json_data_can_be_frozen(wrong):
    with pytest.raises(ValueError, match=r"plain data|cannot be a key"):
        freeze(wrong)


def test_only_a_mapping_becomes_a_map():
    with pytest.raises(ValueError, match="not a mapping"):
        freeze_map([1])
