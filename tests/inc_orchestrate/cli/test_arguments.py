from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest
from inc_config.tuning import AccuracyCriterion, LossKind
from inc_orchestrate.cli.arguments import Parser, UsageError, count, drop, metric, pattern, seconds


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        # Of an accuracy of 0.761: 1 % of it is 0.00761, one point is 0.01.
        ("1%", 0.75339),
        ("1 %", 0.75339),
        ("0.01", 0.75339),
        (".01", 0.75339),
        ("0.5%", 0.757195),
        ("1points", 0.751),
        ("1 point", 0.751),
        ("0.5pp", 0.756),
        ("0", 0.761),
        ("0%", 0.761),
    ],
)
def test_a_percentage_is_relative_and_points_are_absolute(text: str, limit: float) -> None:
    allowed = drop(text)
    assert AccuracyCriterion(loss=allowed.loss, kind=allowed.kind).limit(0.761) == pytest.approx(limit, abs=1e-12)


@pytest.mark.parametrize("text", ["1", "5", "1.0", "-1%", "1%%", "101%", "one", "", "1e-2", "nan", "0,5%"])
def test_an_amount_that_could_mean_two_things_or_none_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="give 1% "):
        drop(text)


def test_an_amount_is_shown_as_it_was_meant() -> None:
    assert str(drop("0.01")) == "at most 1% of the original's value lost"
    assert str(drop("0.5points")) == "at most 0.5 points lost"
    assert drop("0.5points").kind is LossKind.ABSOLUTE


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("accuracy", "accuracy", {}),
        ("topk:5", "topk", {"k": 5}),
        ("topk:k=5,class_axis=-1", "topk", {"k": 5, "class_axis": -1}),
        ("accuracy:task=binary,threshold=0.5", "accuracy", {"task": "binary", "threshold": 0.5}),
    ],
)
def test_a_metric_is_a_name_with_options(text: str, name: str, options: dict[str, object]) -> None:
    choice = metric(text)
    assert (choice.name, choice.options) == (name, options)


def test_an_option_without_a_name_is_refused_where_it_could_be_any() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="accuracy:option=5"):
        metric("accuracy:5")


def test_times_have_units() -> None:
    assert [seconds(text) for text in ("90", "90s", "1.5min", "10m", "2h")] == [90.0, 90.0, 90.0, 600.0, 7200.0]


@pytest.mark.parametrize(("read", "text"), [(seconds, "2 days"), (count, "0"), (count, "-3"), (count, "1.5"), (pattern, "conv(")])
def test_what_cannot_be_read_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"is not a"):
        read(text)


def test_a_wrong_command_line_says_what_where_and_how_to_fix_it() -> None:
    parser = Parser(prog="inc quantize")
    parser.add_argument("--max-drop", type=drop)
    with pytest.raises(UsageError, match=r"(?s)'5' could mean 5% or 5 points.*where: inc quantize.*fix:   inc quantize --help"):
        parser.parse_args(["--max-drop", "5"])
