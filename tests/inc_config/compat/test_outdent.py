"""A law over the corpus: a line or block that stands one level too far left is read as it was meant, or refused; never otherwise."""

from pathlib import Path

import pytest
from inc_config import ConfigError
from inc_config.compat import dump_v1, load_v1

CORPUS = Path(__file__).parent / "corpus"
UNAMBIGUOUS = (
    "framework_tensorflow", "framework_pytorch", "framework_onnxrt_qdq", "framework_onnxrt_qlinearops", "framework_onnxrt_integerops",
    "distillation", "distillation_layers", "detection", "datasets", "squad", "tuning_full", "multi_metrics", "two_metrics", "nas",
)  # fmt: skip
TWO_MEANINGS = {
    # What is outdented is a valid key one level up, so that nothing tells the two readings apart.
    "pruning_epochs": "extra_excluded_names: [layer2.1.conv1.weight]",
    "quirk_pruning_of_a_page": "pattern: ic_pattern_4x1",
}


def indent(line):
    return len(line) - len(line.lstrip(" "))


def outdented(lines):
    """Every line alone, and every line with what stands below it, one level to the left."""
    for index, line in enumerate(lines):
        if not indent(line):
            continue
        end = next((number for number in range(index + 1, len(lines)) if indent(lines[number]) <= indent(line)), len(lines))
        yield line, [*lines[:index], *(inner[2:] for inner in lines[index:end]), *lines[end:]]
        yield line, [*lines[:index], line[2:], *lines[index + 1 :]]


@pytest.mark.parametrize("name", UNAMBIGUOUS)
def test_every_outdented_line_is_read_as_it_was_meant(name):
    document = load_v1(CORPUS / f"{name}.yaml")
    lines = dump_v1(document).rstrip("\n").split("\n")
    for line, text in outdented(lines):
        assert load_v1("\n".join(text)) == document, line
    assert load_v1("\n".join(line.lstrip(" ") for line in lines)) == document


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_outdented_line_never_means_something_else(path):
    document = load_v1(path)
    lines = dump_v1(document).rstrip("\n").split("\n")
    for line, text in outdented(lines):
        if TWO_MEANINGS.get(path.stem) == line.strip():
            continue
        try:
            found = load_v1("\n".join(text), flavour=document.flavour)
        except ConfigError:
            continue
        assert found == document, line
