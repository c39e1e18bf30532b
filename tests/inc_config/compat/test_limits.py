"""Bad input: a clear error in bounded time and memory, and nothing is executed."""

import os
import time
import tracemalloc

import pytest
from inc_config import ConfigError, IncError, load
from inc_config.cli.migrate import commented
from inc_config.compat import load_v1, parser, translate

MODEL = "model: {name: net, framework: pytorch}\n"


def refused(source):
    start = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load_v1(source)
    assert time.process_time() - start < 20.0
    return str(caught.value)


def test_a_python_object_is_refused_and_not_made(tmp_path):
    for tag in ("apply:os.mkdir", "new:os.mkdir", "name:os.mkdir", "module:os"):
        message = refused(f"{MODEL}x: !!python/object/{tag} [{tmp_path / 'made'}]\n")
        assert "python/object" in message
        assert "line 2" in message
    assert list(tmp_path.iterdir()) == []


def test_tabs():
    assert "line 2" in refused("model:\n\tname: net\n\tframework: pytorch\n")


def test_duplicate_keys():
    assert "stands twice; first in line 1" in refused(MODEL + MODEL)


def test_exploding_anchors():
    levels = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    tracemalloc.start()
    message = refused("\n".join(levels))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "values come from aliases" in message
    assert peak < 50_000_000


def test_an_anchor_inside_itself():
    assert "before or inside" in refused("model: &a {name: *a}\n")


def test_deep_nesting():
    assert "deeper than" in refused("[" * 100_000)
    assert "deeper than" in refused("\n".join("  " * depth + "a:" for depth in range(80)))


def test_a_file_of_100_mb(tmp_path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    assert "at most" in refused(path)


def test_a_text_that_is_too_long():
    assert "characters" in refused("a\n" * 5_000_001)


def test_too_many_values(monkeypatch):
    monkeypatch.setattr(parser, "MAX_NODES", 1_000)
    assert "More than 1000 values" in refused("a: [" + "1," * 1_000 + "]")


def test_binary_content(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF")
    assert "0x80" in refused(path)
    assert "Not YAML" in refused("a: \x00\n")
    assert "Not YAML" in refused("a: \ud800\n")


def test_several_documents():
    assert "more than one document" in refused(f"{MODEL}---\n{MODEL}")


def test_a_key_that_is_a_list():
    assert "cannot be a key" in refused(f"{MODEL}[a, b]: 1\n")


def test_no_sections_at_all():
    for text in ("", "# nothing\n", "just words\n", "- 1\n- 2\n", "conf_without_suffix", "[]\n"):
        message = refused(text)
        assert "fix:" in message


def test_a_path_that_is_no_file(tmp_path):
    assert "No such file" in refused("missing.yaml")
    assert "missing.yaml" in refused(tmp_path / "missing.yaml")
    assert "directory" in refused(tmp_path)
    assert "Cannot read" in refused(tmp_path / "a\0b.yaml")
    assert "neither a path nor a text" in refused(3)


def test_a_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "conf.yaml"
    os.mkfifo(path)
    assert "no file" in refused(path)


def test_a_path_may_have_any_suffix(tmp_path):
    path = tmp_path / "conf.txt"
    path.write_text(MODEL)
    document = load_v1(str(path))
    assert document.model.name == "net"
    assert document.source == str(path)
    assert load_v1("model: {name: net, framework: pytorch}").source == ""


def test_a_byte_order_mark_and_windows_line_ends(tmp_path):
    path = tmp_path / "conf.yaml"
    path.write_bytes(b"\xef\xbb\xbfmodel:\r\n  name: net\r\n  framework: pytorch\r\n")
    assert load_v1(path).model.name == "net"


def test_long_text_that_is_no_yaml_is_not_mended():
    assert "Not YAML" in refused(MODEL + "# some words about it\n" * 50_000 + "c: {d: 1}}\n")


def test_block_text_is_not_mended():
    assert "Not YAML" in refused("model:\n  name: |\n    some\n    text\n   framework: pytorch\n")


@pytest.mark.parametrize(
    "text",
    [
        "a: {}\n b: }}\n".format('\\"' * 100_000),
        'a: "{}\n b: }}\n'.format('\\"' * 100_000),
        "：" * 200_000,
        "，" * 1_000_001,
        "“" * 1_000_001,
        "".join(f"a{index}:\n  b: 1\n  ...\n" for index in range(5_000)),
    ],
    ids=["escapes", "an open quote", "colons", "commas", "quotes", "elisions"],
)
def test_the_time_grows_no_faster_than_the_text(text):
    refused(f"{text}\n")  # within its time: minutes where every place looks through the rest of the text


def test_hundreds_of_operators_load_translate_and_migrate():
    lines = "".join(f"    op{index}: {{weight: {{dtype: [fp32]}}, activation: {{dtype: [fp32]}}}}\n" for index in range(300))
    translation = translate(load_v1(f"{MODEL}quantization:\n  op_wise:\n{lines}"))
    assert len(translation.config.steps[0].constraints) == 300
    assert load(commented(translation.config, translation.notes)) == translation.config


def test_a_tab_and_a_letter_that_is_none_are_told_with_their_place():
    for read in (load_v1, load):
        with pytest.raises(ConfigError) as caught:
            read("model:\n  name: a\n\tframework: pytorch\n")
        (fault,) = caught.value.faults
        assert (fault.line, fault.fix) == (3, "indent by spaces: there is a tab in this line")
        with pytest.raises(ConfigError) as caught:
            read("model:\n  name: a\x0c\n")
        (fault,) = caught.value.faults
        assert (fault.line, fault.column) == (2, 10)
        assert "the character '\\x0c'" in fault.what


def test_every_error_is_the_packages_own():
    for text in (
        "a: !!int x",
        "a: !!float []",
        "? : :",
        "%YAML 9.9\n---\n",
        "&a",
        "*a",
        "a: 'x",
        'a: "\\x"',
        "!<!> x",
        "a: - b",
        "{",
        "}",
        "][",
    ):
        with pytest.raises(IncError):
            load_v1(text + "\n")
