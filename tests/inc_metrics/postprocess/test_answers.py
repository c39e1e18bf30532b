"""Answers from logits, on windows small enough to work out by hand."""

import math

import numpy as np
import pytest
from inc_metrics import MetricError, MetricValueError, Window, squad_answers, squad_candidates, squad_f1

CONTEXT = "Ada wrote the first program in 1843"
WORDS = [(0, 3), (4, 9), (10, 13), (14, 19), (20, 27), (28, 30), (31, 35)]
LOW = -20.0


def logits(tokens: int, **values: float) -> np.ndarray:
    row = np.full(tokens, LOW)
    for name, value in values.items():
        row[int(name[1:])] = value
    return row


def test_the_best_span_wins_and_probabilities_are_shares_of_the_candidates() -> None:
    window = Window("q", [None, *WORDS])
    starts, ends = logits(8, t3=2.0, t4=1.0), logits(8, t5=3.0)
    found = squad_candidates([window], [starts], [ends], {"q": CONTEXT}, n_best=2)["q"]
    # The second best end is the first of all the low ones, token 0, which is no context.
    assert [(candidate.text, candidate.score) for candidate in found] == [("the first program", 5.0), ("first program", 4.0)]
    assert found[0].probability == pytest.approx(math.e / (math.e + 1))
    assert squad_answers([window], [starts], [ends], {"q": CONTEXT}) == {"q": "the first program"}


def test_spans_end_after_their_start_within_the_context_and_the_longest_answer() -> None:
    window = Window("q", [None, *WORDS])
    backwards = squad_candidates([window], [logits(8, t5=1.0)], [logits(8, t2=1.0)], {"q": CONTEXT}, n_best=1)
    assert backwards == {"q": []}
    outside = squad_candidates([window], [logits(8, t0=9.0)], [logits(8, t0=9.0)], {"q": CONTEXT}, n_best=1)
    assert outside == {"q": []}
    assert squad_answers([window], [logits(8, t5=1.0)], [logits(8, t2=1.0)], {"q": CONTEXT}, n_best=1) == {"q": ""}
    far = ([logits(8, t1=5.0)], [logits(8, t7=5.0, t2=1.0)])
    assert squad_answers([window], *far, {"q": CONTEXT}, max_answer_length=7) == {"q": CONTEXT}
    assert squad_answers([window], *far, {"q": CONTEXT}, max_answer_length=6) == {"q": "Ada wrote"}


def test_where_windows_overlap_a_start_counts_in_the_one_with_most_context() -> None:
    # Tokens 0-4 and, after a stride of 2, 2-6 of the context. "the" (2) is in the middle of the first window and at the edge of the
    # second; "program" (4) the other way round.
    first, second = Window("q", [None, *WORDS[:5]]), Window("q", [None, *WORDS[2:]])
    only_second_likes_the = squad_candidates(
        [first, second], [logits(6), logits(6, t1=9.0)], [logits(6), logits(6, t1=9.0)], {"q": CONTEXT}, n_best=1
    )
    assert all(candidate.text != "the" for candidate in only_second_likes_the["q"])
    second_knows_program = squad_answers(
        [first, second], [logits(6, t5=9.0), logits(6, t3=1.0)], [logits(6, t5=9.0), logits(6, t3=1.0)], {"q": CONTEXT}, n_best=1
    )
    assert second_knows_program == {"q": "program"}
    scored = squad_candidates(
        [first, second], [logits(6, t5=9.0), logits(6, t3=1.0)], [logits(6, t5=9.0), logits(6, t3=1.0)], {"q": CONTEXT}, n_best=1
    )
    assert scored["q"][0].score == 2.0  # not 18, which the first window claims at its edge


def test_no_answer_is_given_where_it_beats_the_best_span_by_the_threshold() -> None:
    windows = [Window("q", [None, *WORDS[:2]]), Window("q", [None, *WORDS[2:4]])]
    starts, ends = [logits(3, t0=4.0, t1=3.0), logits(3, t0=2.0)], [logits(3, t0=4.0, t1=3.0), logits(3, t0=3.0)]
    found = squad_candidates(windows, starts, ends, {"q": CONTEXT}, n_best=2, no_answer=True)["q"]
    # The least of the two windows' first sums, 8 and 5, against a span of 6.
    assert [(candidate.text, candidate.score) for candidate in found[:2]] == [("Ada", 6.0), ("", 5.0)]
    answers = {
        limit: squad_answers(windows, starts, ends, {"q": CONTEXT}, n_best=2, no_answer_threshold=limit)["q"] for limit in (-2.0, -1.0, 0.0)
    }
    assert answers == {-2.0: "", -1.0: "Ada", 0.0: "Ada"}


def test_the_same_text_counts_once_and_questions_stay_apart() -> None:
    windows = [Window("a", [(0, 1), (2, 3)]), Window("b", [(0, 1), (2, 3)])]
    one = [[5.0, 4.0], [0.0, 1.0]]
    found = squad_candidates(windows, one, one, {"a": "x x", "b": "y z"}, n_best=2)
    assert [candidate.text for candidate in found["a"]] == ["x", "x x"]
    answers = squad_answers(windows, one, one, {"a": "x x", "b": "y z"})
    assert answers == {"a": "x", "b": "z"}
    assert squad_f1(answers, {"a": ["x"], "b": ["z"]}) == 100.0


def test_what_does_not_fit_is_refused() -> None:
    window = Window("q", [(0, 1)])
    with pytest.raises(MetricValueError, match=r"\(1, 1\).*\(1, 2\).*1 windows"):
        squad_candidates([window], [[0.0]], [[0.0, 1.0]], {"q": "x"})
    with pytest.raises(MetricValueError, match="1 offsets for 2 tokens"):
        squad_candidates([window], [[0.0, 1.0]], [[0.0, 1.0]], {"q": "x"})
    with pytest.raises(MetricValueError, match="'q' has no context"):
        squad_candidates([window], [[0.0]], [[0.0]], {})
    with pytest.raises(MetricValueError, match="n_best is 0"):
        squad_candidates([window], [[0.0]], [[0.0]], {"q": "x"}, n_best=0)
    with pytest.raises(MetricValueError, match="NaN"):
        squad_candidates([window], [[np.nan]], [[0.0]], {"q": "x"})


def test_offsets_may_be_lists_or_arrays_as_tokenizers_give_them() -> None:
    logits = np.array([[0.0, 3.0, 1.0]]), np.array([[0.0, 1.0, 3.0]])
    for offsets in ([None, [0, 3], [4, 7]], [None, *np.array([[0, 3], [4, 7]])]):
        assert squad_answers([Window("q", offsets)], *logits, {"q": "red cat"}) == {"q": "red cat"}  # type: ignore[arg-type]  # at the edge


@pytest.mark.parametrize(
    ("windows", "contexts", "message"),
    [
        (None, {"q": "a b"}, "windows are a NoneType"),
        ([3], {"q": "a b"}, "Window 0 is 3"),
        ([Window("q", [None, (3, 1)])], {"q": "a b"}, r"offset is \(3, 1\)"),
        ([Window("q", [None, 1.5])], {"q": "a b"}, "offset is 1.5"),
        ([Window("q", [None, (0, 1)])], None, "contexts are a NoneType"),
        ([Window("q", [None, (0, 1)])], {"q": 3}, "contexts are a dict"),
    ],
)
def test_what_is_no_window_or_context_is_refused(windows: object, contexts: object, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        squad_answers(windows, np.zeros((1, 2)), np.zeros((1, 2)), contexts)  # type: ignore[arg-type]  # the wrong type is the point
