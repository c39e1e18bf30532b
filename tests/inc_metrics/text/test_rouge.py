"""ROUGE-L by hand and against the textbook's table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inc_metrics import rouge_l
from inc_metrics.text.rouge import longest_common_subsequence

WORDS = st.lists(st.sampled_from("abcd"), max_size=80)


@given(WORDS, WORDS)
def test_the_bit_parallel_length_equals_the_table(left: list[str], right: list[str]) -> None:
    row = [0] * (len(right) + 1)
    for word in left:
        before = row
        row = [0]
        for column, other in enumerate(right):
            row.append(before[column] + 1 if word == other else max(row[column], before[column + 1]))
    assert longest_common_subsequence(left, right) == row[-1]


def test_the_examples_of_the_paper() -> None:
    # Lin 2004, section 3.1: reference "police killed the gunman"; both candidates have 4 words, LCS 3 and 2.
    assert rouge_l("police kill the gunman", "police killed the gunman") == 3 / 4
    assert rouge_l("the gunman kill police", "police killed the gunman") == 2 / 4


def test_the_best_reference_counts_and_case_and_punctuation_do_not() -> None:
    assert rouge_l(["The cat."], [["a dog", "the, CAT"]]) == 1.0
    assert rouge_l(["!", "x"], ["x", "x"]) == 0.5
    # 2 words of 3 and 4 in common: precision 2/3, recall 2/4, F1 4/7.
    assert rouge_l("a b c", "a c d e") == pytest.approx(4 / 7, rel=1e-15)
