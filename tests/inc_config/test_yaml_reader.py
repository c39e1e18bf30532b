import contextlib
import json
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from inc_config import ConfigError, yaml_reader
from inc_config.errors import Fault
from inc_config.yaml_reader import MAX_CHARACTERS, read_yaml


def faults(text):
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, source="conf.yaml")
    return [(fault.path, fault.what, fault.line, fault.column) for fault in caught.value.faults]


TEXT = """\
# a comment
steps:
  - kind: prune
    pattern: 2:4
    include: [a, "b"]
  - kind: 'quantize'
mode: |
  several
  lines
"""


def test_values_and_places_are_read():
    document = read_yaml(TEXT)
    assert document.data == {
        "steps": [{"kind": "prune", "pattern": "2:4", "include": ["a", "b"]}, {"kind": "quantize"}],
        "mode": "several\nlines\n",
    }
    places = document.places
    assert places["$.steps"] == (2, 1)
    assert places["$.steps[0].pattern"] == (4, 5)
    assert places["$.steps[0].include[1]"] == (5, 18)
    assert places["$.steps[1]"] == (6, 5)


def test_a_fault_without_a_place_takes_the_nearest_around_it():
    document = read_yaml(TEXT)
    found = [
        document.locate(Fault(path=path, what="", fix="")).line for path in ("$.steps[0].pattern.x[3]", "$.nothing", "$.steps[1].kind")
    ]
    assert found == [4, 2, 6]


# Control characters, other line ends and the byte order mark must be escaped in YAML; JSON does not ask for it.
printable = st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp"), exclude_characters="\ufeff\ufffe\uffff")
printable_texts = st.text(printable, max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | printable_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(printable_texts, inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
@settings(max_examples=100, deadline=None)
def test_printable_json_is_read_as_itself(data):
    assert read_yaml(json.dumps(data, ensure_ascii=False)).data == data


@pytest.mark.parametrize("text", ["", "# nothing", "---\n", "~"])
def test_an_empty_document_is_null(text):
    assert read_yaml(text).data is None


def test_a_key_that_stands_twice_is_a_fault_with_both_lines():
    assert faults("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n") == [
        ("$.b.c", "The key 'c' stands twice; first in line 3.", 4, 3),
        ("$.a", "The key 'a' stands twice; first in line 1.", 5, 1),
    ]


@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system", "!!python/name:os.system", "!!python/tuple", "!!binary", "!Pruner", "!!set", "!!timestamp"],
)
def test_an_object_tag_is_a_fault_and_nothing_is_made(tag):
    for text in (f"a: {tag} [x]", f"a: {tag} x", f"a: {tag} {{x: y}}"):
        ((path, what, line, _),) = faults(text)
        assert (path, line) == ("$.a", 1)
        assert "is not accepted" in what


def test_plain_tags_are_accepted():
    assert read_yaml("a: !!str 12\nb: !!int '12'\nc: !!map {}\nd: !!seq []\ne: !!float 1").data == {
        "a": "12",
        "b": 12,
        "c": {},
        "d": [],
        "e": 1.0,
    }


@pytest.mark.parametrize(
    ("key", "shown"), [("1", "1"), ("null", "None"), ("true", "True"), ("[a, b]", "['a', 'b']"), ("? {a: b}\n", "{'a': 'b'}")]
)
def test_a_key_that_is_no_string_is_a_fault(key, shown):
    ((_, what, _, _),) = faults(f"{key}: x")
    assert what == f"The key {shown} is not a string."


def test_anchors_are_shared_values():
    assert read_yaml("a: &x [1, 2]\nb: *x\n").data == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(("text", "name"), [("a: *x", "x"), ("a: &x [1, *x]", "x")])
def test_an_alias_before_or_inside_its_anchor_is_a_fault(text, name):
    assert f"*{name} stands before or inside &{name}" in faults(text)[0][1] or "undefined alias" in faults(text)[0][1]


def test_anchors_that_explode_are_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    start = time.perf_counter()
    assert "values come from aliases" in faults("\n".join(lines))[0][1]
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "? " * 5000])
def test_deep_nesting_is_refused(text):
    ((_, what, line, _),) = faults(text)
    assert line is not None
    assert "deeper than 60 levels" in what or "Not YAML" in what


def test_too_many_values_are_refused(monkeypatch):
    monkeypatch.setattr(yaml_reader, "MAX_NODES", 1_000)
    assert "More than 1000 values" in faults("[" + "1," * 1_000 + "]")[0][1]
    assert read_yaml("[" + "1," * 999 + "]").data == [1] * 999


def test_a_huge_text_is_refused_before_it_is_read():
    start = time.process_time()
    assert str(MAX_CHARACTERS) in faults("a" * (MAX_CHARACTERS + 1))[0][1]
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\n\tb: 2\n", 2),
        ("a: [1, 2\nb: 3\n", 2),
        ("a: 'x\n", 2),
        ("a: b: c\n", 1),
        ("a: 1\n b: 2\n", 2),
        ("%YAML 3\n---\na", 1),
        ("a: @x", 1),
    ],
)
def test_malformed_yaml_is_a_fault_with_its_line(text, line):
    ((path, what, found, _),) = faults(text)
    assert path == "$"
    assert what.startswith("Not YAML")
    assert found == line


@pytest.mark.parametrize("text", ["a: \x00", "\x01", "a: \ud800"])
def test_binary_content_is_a_fault(text):
    ((_, what, _, _),) = faults(text)
    assert what.startswith("Not YAML")


def test_a_second_document_is_a_fault():
    assert faults("a: 1\n---\nb: 2\n")[0][1:3] == ("The file holds more than one document.", 2)


pieces = st.sampled_from(
    [
        "a",
        ": ",
        "\n",
        "  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "&x ",
        "*x",
        "!!int ",
        "!p ",
        "'",
        '"',
        "#",
        "|",
        ">",
        "\t",
        "?",
        "---",
        "...",
        "%",
        "é",
        "1",
        "\x00",
    ]
)


@given(st.lists(pieces, max_size=30).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_gives_a_document_or_our_own_error(text):
    with contextlib.suppress(ConfigError):
        document = read_yaml(text)
        assert "$" in document.places or document.data is None


def test_the_c_parser_is_in_use_here():
    assert yaml.__with_libyaml__
