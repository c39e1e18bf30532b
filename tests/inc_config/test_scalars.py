import math

import pytest
import yaml
from inc_config.scalars import resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # YAML 1.2.2, section 10.3.2, its own examples and table.
        *[(text, None) for text in ("null", "Null", "NULL", "~", "")],
        *[(text, True) for text in ("true", "True", "TRUE")],
        *[(text, False) for text in ("false", "False", "FALSE")],
        *[("0", 0), ("0o7", 7), ("0x3A", 58), ("-19", -19), ("+12", 12), ("007", 7)],
        *[("0.", 0.0), ("-0.0", -0.0), (".5", 0.5), ("+12e03", 12000.0), ("-2E+05", -200000.0), ("1e-3", 0.001)],
        *[(".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf)],
        # What YAML 1.1 reads as something else.
        *[
            (text, text)
            for text in ("2:4", "190:20:30", "yes", "no", "on", "off", "1_000", "0b101", "2001-12-14", "=", "<<", "tRUE", "e3", "-", ".")
        ],
    ],
)
def test_a_plain_word_has_its_value_of_the_core_schema(text, value):
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_read():
    assert math.isnan(resolve(".nan"))


def test_the_pattern_two_of_four_would_be_124_under_yaml_1_1():
    assert yaml.safe_load("2:4") == 124
    assert resolve("2:4") == "2:4"
