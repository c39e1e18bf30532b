"""From start and end logits over overlapping windows to answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from inc_metrics.arrays import as_array
from inc_metrics.batches import check_scores
from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.options import real_number, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Window(NamedTuple):
    """One input of the model: a question with a stretch of its context.

    Args:
        question: its id.
        offsets: for each token where it begins and ends in the context, as ``(start, end)`` characters; None for tokens that are
            not context (the question, separators, padding). Fast tokenizers call this the offset mapping.
    """

    question: str
    offsets: Sequence[tuple[int, int] | None]


class Candidate(NamedTuple):
    """A possible answer: its text, the sum of its two logits, and its share among the question's candidates."""

    text: str
    score: float
    probability: float


class _Span(NamedTuple):
    score: float
    start: int
    end: int


def squad_candidates(
    windows: Sequence[Window],
    start_logits: Any,
    end_logits: Any,
    contexts: Mapping[str, str],
    *,
    n_best: int = 20,
    max_answer_length: int = 30,
    no_answer: bool = False,
) -> dict[str, list[Candidate]]:
    """Return the best answers to each question, best first.

    Each window offers the spans between its ``n_best`` best starts and ends. Where windows overlap by a document stride, a start
    counts only in the window that shows most context around it.

    Args:
        windows: W windows, of one or several questions.
        start_logits: shape ``(W, T)``.
        end_logits: shape ``(W, T)``.
        contexts: context by question id.
        n_best: starts and ends looked at per window, and answers kept per question.
        max_answer_length: longest answer in tokens.
        no_answer: v2: also offer ``""``, with the lowest sum of first logits over the question's windows.

    Raises:
        MetricValueError: shapes that do not match, NaN, a question without context, or options below 1.
        MetricTypeError: no windows, texts or numbers.

    Source:
        Devlin et al., NAACL 2019, arXiv:1810.04805, section 4.2 and 4.3, and the n-best search of their ``run_squad``.
    """
    windows = _checked_windows(windows)
    starts, ends = _checked_logits(windows, start_logits, end_logits)
    _check_options(windows, contexts, n_best=n_best, max_answer_length=max_answer_length)
    by_question: dict[str, list[int]] = {}
    for index, window in enumerate(windows):
        by_question.setdefault(window.question, []).append(index)
    found = {}
    for question, indices in by_question.items():
        most_context = _starts_with_most_context([windows[index] for index in indices])
        spans = [
            span
            for index, allowed in zip(indices, most_context, strict=True)
            for span in _spans(
                windows[index], starts[index], ends[index], allowed=allowed, n_best=n_best, max_answer_length=max_answer_length
            )
        ]
        texts = _distinct_texts(spans, contexts[question], n_best)
        if no_answer:
            texts = [*texts, ("", min(float(starts[index][0]) + float(ends[index][0]) for index in indices))]
        found[question] = _with_probabilities(texts)
    return found


def squad_answers(
    windows: Sequence[Window],
    start_logits: Any,
    end_logits: Any,
    contexts: Mapping[str, str],
    *,
    n_best: int = 20,
    max_answer_length: int = 30,
    no_answer_threshold: float | None = None,
) -> dict[str, str]:
    """Return the answer to each question, ready for :class:`inc_metrics.SquadF1`; a question without any candidate gets ``""``.

    Args:
        windows: see :func:`squad_candidates`, as all that is not listed here.
        start_logits: shape ``(W, T)``.
        end_logits: shape ``(W, T)``.
        contexts: context by question id.
        n_best: starts and ends looked at per window.
        max_answer_length: longest answer in tokens.
        no_answer_threshold: v2: answer ``""`` where its score exceeds the best span's by more than this; None never does.

    Raises:
        MetricValueError: as for :func:`squad_candidates`.
        MetricTypeError: no numbers.
    """
    allowed = no_answer_threshold is not None
    if no_answer_threshold is not None:
        no_answer_threshold = real_number(no_answer_threshold, where="squad_answers(no_answer_threshold)")
    candidates = squad_candidates(
        windows, start_logits, end_logits, contexts, n_best=n_best, max_answer_length=max_answer_length, no_answer=allowed
    )
    answers = {}
    for question, offered in candidates.items():
        best = next((candidate for candidate in offered if candidate.text), None)
        nothing = next((candidate for candidate in offered if not candidate.text), None)
        silent = best is None or (
            nothing is not None and no_answer_threshold is not None and nothing.score - best.score > no_answer_threshold
        )
        answers[question] = "" if best is None or silent else best.text
    return answers


def _checked_windows(windows: Any) -> list[Window]:
    """Return windows whose offsets are pairs of whole numbers, as tokenizers give them in tuples, lists or arrays."""
    where, fix = "squad_candidates(windows)", "give a list of inc_metrics.Window(question, offsets)"
    if not isinstance(windows, (list, tuple)):
        raise MetricTypeError(f"The windows are a {type(windows).__name__}", where, fix)
    checked = []
    for index, window in enumerate(windows):
        if not isinstance(window, tuple) or len(window) != 2 or not isinstance(window[0], str) or not hasattr(window[1], "__iter__"):
            raise MetricTypeError(f"Window {index} is {window!r}", where, fix)
        checked.append(Window(window[0], [_place(place, f"{where}, window {index}") for place in window[1]]))
    return checked


def _place(place: Any, where: str) -> tuple[int, int] | None:
    if place is None:
        return None
    numbers = as_array(place, where=where)
    if numbers.shape != (2,) or numbers.dtype.kind not in "iu" or not 0 <= int(numbers[0]) <= int(numbers[1]):
        raise MetricValueError(f"An offset is {place!r}", where, "give (start, end) characters, or None for a token that is not context")
    return int(numbers[0]), int(numbers[1])


def _checked_logits(windows: Sequence[Window], start_logits: Any, end_logits: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    where = "squad_candidates"
    starts, ends = as_array(start_logits, where=f"{where}(start_logits)"), as_array(end_logits, where=f"{where}(end_logits)")
    if starts.ndim != 2 or starts.shape != ends.shape or len(starts) != len(windows) or not starts.size:
        what = f"Shapes do not match: start logits {starts.shape}, end logits {ends.shape}, {len(windows)} windows"
        raise MetricValueError(what, where, "give both logits as (windows, tokens), at least one")
    for index, window in enumerate(windows):
        if len(window.offsets) != starts.shape[1]:
            what = f"Window {index} has {len(window.offsets)} offsets for {starts.shape[1]} tokens"
            raise MetricValueError(what, where, "give None for the tokens that are not context, padding included")
    check_scores(starts, where=f"{where}(start_logits)")
    check_scores(ends, where=f"{where}(end_logits)")
    return starts, ends


def _check_options(windows: Sequence[Window], contexts: Mapping[str, str], *, n_best: int, max_answer_length: int) -> None:
    where = "squad_candidates"
    if not isinstance(contexts, Mapping) or not all(isinstance(context, str) for context in contexts.values()):
        raise MetricTypeError(f"The contexts are a {type(contexts).__name__}", f"{where}(contexts)", "give {question id: text, ...}")
    missing = sorted({window.question for window in windows} - set(contexts))
    if missing:
        raise MetricValueError(f"Question {missing[0]!r} has no context", f"{where}(contexts)", "give the context of every question")
    for option, value in (("n_best", n_best), ("max_answer_length", max_answer_length)):
        whole_number(value, where=f"{where}({option})", least=1)


def _starts_with_most_context(windows: list[Window]) -> list[set[int]]:
    """Return for each window the tokens for which no other window of the question shows more context."""
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for number, window in enumerate(windows):
        inside = [token for token, place in enumerate(window.offsets) if place is not None]
        for rank, token in enumerate(inside):
            place = window.offsets[token]
            context = min(rank, len(inside) - 1 - rank) + 0.01 * len(inside)
            if place is not None and (place not in best or context > best[place][0]):
                best[place] = context, number
    return [
        {token for token, place in enumerate(window.offsets) if place is not None and best[place][1] == number}
        for number, window in enumerate(windows)
    ]


def _spans(
    window: Window, starts: NDArray[Any], ends: NDArray[Any], *, allowed: set[int], n_best: int, max_answer_length: int
) -> list[_Span]:
    found = []
    for first in _largest(starts, n_best):
        if first not in allowed:
            continue
        for last in _largest(ends, n_best):
            begin, end = window.offsets[first], window.offsets[last]
            if begin is not None and end is not None and 0 <= last - first < max_answer_length:
                found.append(_Span(float(starts[first]) + float(ends[last]), begin[0], end[1]))
    return found


def _largest(values: NDArray[Any], count: int) -> list[int]:
    return [int(index) for index in np.argsort(-values.astype(np.float64), kind="stable")[:count]]


def _distinct_texts(spans: list[_Span], context: str, n_best: int) -> list[tuple[str, float]]:
    """Return the best distinct texts with their scores; infinite scores are how tokens are masked."""
    found: dict[str, float] = {}
    for span in sorted(spans, key=lambda span: -span.score):
        text = context[span.start : span.end].strip()
        if text and text not in found and math.isfinite(span.score):
            found[text] = span.score
        if len(found) == n_best:
            break
    return list(found.items())


def _with_probabilities(texts: list[tuple[str, float]]) -> list[Candidate]:
    if not texts:
        return []
    largest = max(score for _, score in texts)
    weights = [math.exp(score - largest) for _, score in texts]
    candidates = [Candidate(text, score, weight / math.fsum(weights)) for (text, score), weight in zip(texts, weights, strict=True)]
    return sorted(candidates, key=lambda candidate: -candidate.score)
