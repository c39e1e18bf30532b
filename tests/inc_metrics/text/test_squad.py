"""SQuAD's rules worked by hand."""

from typing import Any

import numpy as np
import pytest
from inc_metrics import MetricTypeError, MetricValueError, SquadExactMatch, SquadF1, squad_exact_match, squad_f1
from inc_metrics.text.squad import normalized


def article(*questions: tuple[str, list[str]]) -> dict[str, Any]:
    qas = [{"id": name, "answers": [{"text": text, "answer_start": 0} for text in texts]} for name, texts in questions]
    return {"title": "T", "paragraphs": [{"context": "", "qas": qas}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Cat's, hat!", "cats hat"),  # punctuation goes before articles, so no space is left in its place
        ("an-other a.b", "another ab"),
        ("A", ""),
        ("theatre a the", "theatre"),
        ("Zürich–Bern", "zürich–bern"),  # ASCII punctuation only
    ],
)
def test_normalisation(text: str, expected: str) -> None:
    assert normalized(text) == expected


def test_the_best_true_answer_counts() -> None:
    references = [article(("q1", ["Denver Broncos", "the Broncos"]), ("q2", ["gold"]))]
    predictions = {"q1": "The Denver Broncos team", "q2": "Gold!"}
    # q1: "denver broncos team" shares 2 words with the first answer: precision 2/3, recall 1, F1 4/5; second: 2 * 1/3 / (4/3) = 1/2.
    assert squad_f1(predictions, references) == pytest.approx(100 * (0.8 + 1) / 2, rel=1e-15)
    assert squad_exact_match(predictions, references) == 50.0
    assert squad_f1(predictions, {"version": "1.1", "data": references}) == squad_f1(predictions, references)
    assert squad_f1([*predictions.values()], [["Denver Broncos", "the Broncos"], ["gold"]]) == squad_f1(predictions, references)


def test_in_version_1_an_unanswered_question_scores_nothing() -> None:
    references = [article(("q1", ["x"])), article(("q2", ["y"]))]
    assert squad_f1({"q1": "x"}, references) == 50.0
    assert squad_exact_match({"q1": "x"}, references) == 50.0
    with pytest.raises(MetricValueError, match=r'(?s)no true answer to question \'q3\'.*version="2.0"'):
        squad_f1({"q3": "x"}, [article(("q3", []))])


def test_in_version_2_silence_is_an_answer() -> None:
    references = [article(("has", ["two words"]), ("none", []), ("both", []))]
    predictions = {"has": "two", "none": "", "both": "something"}
    # has: precision 1, recall 1/2, F1 2/3; none: 1; both: an answer where there is none, 0.
    assert squad_f1(predictions, references, version="2.0") == pytest.approx(100 * (2 / 3 + 1 + 0) / 3, rel=1e-15)
    assert squad_exact_match(predictions, references, version="2.0") == pytest.approx(100 / 3, rel=1e-15)
    assert squad_f1({"has": "the"}, {"has": ["an"]}, version="2.0") == 100.0  # nothing is left of either
    assert squad_f1([""], [[]], version="2.0") == 100.0
    with pytest.raises(MetricValueError, match="'none' has no prediction"):
        squad_f1({"has": "two", "both": ""}, references, version="2.0")


def test_questions_of_several_updates_count_alike() -> None:
    metric = SquadF1(keep_samples=True)
    metric.update({"a": "x", "b": "y"}, {"a": ["x"], "b": ["y"]})
    metric.update({"c": "z"}, {"c": ["w"]})
    assert metric.result() == pytest.approx(200 / 3, rel=1e-15)
    assert metric.samples().tolist() == [100.0, 100.0, 0.0]


def test_what_is_no_squad_is_refused() -> None:
    with pytest.raises(MetricTypeError, match="no SQuAD articles"):
        squad_f1({"q": "x"}, [{"title": "T"}])
    with pytest.raises(MetricValueError, match="'q' occurs twice"):
        squad_f1({"q": "x"}, [article(("q", ["x"]), ("q", ["y"]))])
    with pytest.raises(MetricValueError, match="no question"):
        squad_f1({}, [])
    with pytest.raises(MetricTypeError, match="answer to 'q' is a int"):
        squad_f1({"q": 3}, {"q": ["3"]})
    with pytest.raises(MetricValueError, match=r"one of 1.1, 2.0"):
        SquadExactMatch(version="3")


@pytest.mark.parametrize("references", [None, 3, {"a": ["x"]}, "x"])
def test_lists_of_texts_need_lists_of_answers(references: object) -> None:
    with pytest.raises(MetricTypeError, match=f"references are a {type(references).__name__}"):
        squad_f1(["x"], references)


def test_answers_may_come_in_an_array() -> None:
    assert squad_f1(["x y"], [np.array(["x", "x y"])]) == 100.0
