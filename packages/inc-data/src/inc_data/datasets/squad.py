"""SQuAD 1.1 and 2.0 from their JSON files, as windows that a BERT model reads; and answers from a model's logits."""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inc_data.faults import checked_path, fault, whole_number
from inc_data.fingerprint import Digest, describe
from inc_data.protocols import Array, IndexArray
from inc_data.text.pieces import Encoded, Tokenizer, as_tokenizer, padded
from inc_data.text.wordpiece import Span
from inc_data.transforms.protocol import apply_to_item

LARGEST_BYTES = 1 << 28
_FIX = "give SQuAD's dev-v1.1.json or another file of its form"


@dataclass(frozen=True)
class Question:
    """One question about a paragraph; ``answers`` are (text, start in the paragraph), none of an impossible question."""

    id: str
    text: str
    context: str
    answers: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Window:
    """Part of a paragraph behind its question.

    Args:
        question: number of the question.
        start: place of the first piece of the paragraph among the ids.
        spans: of the pieces of this part, in the paragraph.
        best: whether this window has the most context around a piece, one flag per piece.
    """

    question: int
    start: int
    spans: tuple[Span, ...]
    best: tuple[bool, ...]


class SQuAD:
    """Windows of paragraphs as items ``(Encoded(input_ids, attention_mask, token_type_ids), (start, end))``.

    ``start`` and ``end`` are the places of the first answer's first and last piece among the ids, or 0 where the window does not hold it.

    Args:
        path: the JSON file.
        tokenizer: see ``as_tokenizer``; a path of a ``vocab.txt`` is enough.
        max_seq_length: ids per window.
        doc_stride: pieces between the beginnings of two windows.
        max_query_length: pieces of a question that are kept.
        transform: applied to each item.

    Raises:
        ValueError: the file is missing or malformed, or the lengths leave no room for a paragraph.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        tokenizer: Any,
        *,
        max_seq_length: int = 384,
        doc_stride: int = 128,
        max_query_length: int = 64,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.transform = transform
        self.length = whole_number(max_seq_length, minimum=8, name="max_seq_length", where="SQuAD")
        self._stride = whole_number(doc_stride, minimum=1, name="doc_stride", where="SQuAD")
        self._query = whole_number(max_query_length, minimum=1, name="max_query_length", where="SQuAD")
        if self._query > self.length - 3 - 1:
            raise ValueError(
                fault(f"A question of {self._query} pieces leaves no room in {self.length}.", where="SQuAD", fix="lower max_query_length")
            )
        self.questions = read_squad(checked_path(path, where="SQuAD"))
        self._tokenizer: Tokenizer = as_tokenizer(tokenizer, where="SQuAD, tokenizer")
        self._encoded = _Pieces(self._tokenizer)
        self.windows = tuple(window for number in range(len(self.questions)) for window in self._windows(number))

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> Any:
        window = self.windows[index]
        item = self._features(window), self._answer(window)
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=True)

    def digest(self, indices: IndexArray) -> str:
        """Return a SHA-256 over the features, answers and the transform."""
        digest = Digest("squad", describe(self.transform))
        for index in indices.tolist():
            digest.add_item((tuple(self._features(self.windows[index])), self._answer(self.windows[index])))
        return digest.hexdigest()

    def _windows(self, number: int) -> list[Window]:
        question = self.questions[number]
        start = len(self._encoded.of(question.text)[0][: self._query]) + 2
        spans = self._encoded.of(question.context)[1]
        room = self.length - start - 1
        begins = [0]
        while begins[-1] + room < len(spans):
            begins.append(begins[-1] + min(room, self._stride))
        parts = [(begin, min(begin + room, len(spans))) for begin in begins]
        return [
            Window(number, start, tuple(spans[a:b]), tuple(_most_context(parts, n, place) for place in range(a, b)))
            for n, (a, b) in enumerate(parts)
        ]

    def _features(self, window: Window) -> Encoded:
        question = self.questions[window.question]
        query = self._encoded.of(question.text)[0][: self._query]
        ids, spans = self._encoded.of(question.context)
        # Spans grow along the paragraph: the window's first one finds its place.
        begin = spans.index(window.spans[0]) if window.spans else 0
        part = ids[begin : begin + len(window.spans)]
        front = [self._tokenizer.cls, *query, self._tokenizer.sep]
        return padded([*front, *part, self._tokenizer.sep], [0] * len(front) + [1] * (len(part) + 1), self.length, self._tokenizer.pad)

    def _answer(self, window: Window) -> tuple[int, int]:
        answers = self.questions[window.question].answers
        if not answers:
            return 0, 0
        text, begin = answers[0]
        inside = [place for place, (a, b) in enumerate(window.spans) if a < begin + len(text) and b > begin]
        whole = inside and window.spans[inside[0]][0] <= begin and window.spans[inside[-1]][1] >= begin + len(text.rstrip())
        return (window.start + inside[0], window.start + inside[-1]) if whole else (0, 0)


class _Pieces:
    """Pieces of the text that was asked for last: questions of one paragraph follow each other."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._kept: dict[str, tuple[list[int], list[Span]]] = {}

    def of(self, text: str) -> tuple[list[int], list[Span]]:
        found = self._kept.get(text)
        if found is None:
            found = self._tokenizer.pieces(text)
            if len(self._kept) >= 64:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[text] = found
        return found


def _most_context(parts: Sequence[tuple[int, int]], number: int, place: int) -> bool:
    """Whether part ``number`` has the most context around a piece; a longer part wins among equals by a hundredth per piece."""

    def score(part: tuple[int, int]) -> float:
        return min(place - part[0], part[1] - 1 - place) + 0.01 * (part[1] - part[0])

    scores = {n: score(part) for n, part in enumerate(parts) if part[0] <= place < part[1]}
    return max(scores, key=lambda n: (scores[n], -n)) == number


def read_squad(path: Path) -> tuple[Question, ...]:
    """Read the questions of a SQuAD file.

    Raises:
        ValueError: missing, no JSON, or not of SQuAD's form; the message names the place.
    """
    questions = []
    for a, article in enumerate(_list(read_articles(path), "data", path)):
        where = f"$.data[{a}]"
        for p, paragraph in enumerate(_list(article, "paragraphs", path, where)):
            place = f"{where}.paragraphs[{p}]"
            context = _text(paragraph, "context", path, place)
            for q, entry in enumerate(_list(paragraph, "qas", path, place)):
                spot = f"{place}.qas[{q}]"
                found = entry.get("answers") or []
                answers = tuple(
                    (_text(answer, "text", path, spot), _start(answer, path, spot)) for answer in found if isinstance(answer, dict)
                )
                questions.append(Question(_text(entry, "id", path, spot), _text(entry, "question", path, spot), context, answers))
    if not questions:
        raise ValueError(fault("The file has no questions.", where=str(path), fix=_FIX))
    return tuple(questions)


def read_articles(path: Path) -> dict[str, Any]:
    """Return the document of a SQuAD file, with ``version`` and ``data``; ValueError when it is none."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError(fault(f"The file has more than {LARGEST_BYTES} bytes.", where=str(path), fix=_FIX))
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(fault(f"The file cannot be read: {error.strerror}.", where=str(path), fix=_FIX)) from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(fault(f"The file is no JSON: {error}.", where=str(path), fix=_FIX)) from error
    if not isinstance(document, dict):
        raise ValueError(fault("The file holds no SQuAD document.", where=str(path), fix=_FIX))  # noqa: TRY004 - the file is wrong
    return document


@dataclass(frozen=True)
class AnswerRules:
    """How logits become answers.

    Args:
        n_best_size: starts and ends that are considered per window.
        max_answer_length: pieces of the longest answer.
    """

    n_best_size: int = 20
    max_answer_length: int = 30


def answers_of(dataset: SQuAD, starts: Sequence[Array], ends: Sequence[Array], rules: AnswerRules) -> dict[str, str]:
    """Return the best answer's text per question id.

    Args:
        dataset: the windows that the logits belong to, in its order.
        starts: logits of every window, shape ``(length,)`` each.
        ends: the same.
        rules: how they are chosen.

    The span with the largest sum of logits wins, among those that begin and end in the window's paragraph, begin where this window has
    the most context, and are not too long. The text is the paragraph's own, from the first piece to the last; 1.x puts it together from
    word pieces and maps it back, which gives the same text but for spaces.

    Raises:
        ValueError: there are not as many logits as windows, or their length is another.
    """
    if len(starts) != len(dataset) or len(ends) != len(dataset):
        raise ValueError(
            fault(
                f"There are logits of {len(starts)} windows, the file has {len(dataset)}.",
                where="answers_of",
                fix="evaluate every window once, in order",
            )
        )
    best: dict[int, tuple[float, str]] = defaultdict(lambda: (-math.inf, ""))
    for window, start, end in zip(dataset.windows, starts, ends, strict=True):
        if len(start) != dataset.length or len(end) != dataset.length:
            raise ValueError(
                fault(
                    f"Logits of length {len(start)} do not fit windows of {dataset.length}.",
                    where="answers_of",
                    fix="give the same max_seq_length",
                )
            )
        found = _best_span(window, np.asarray(start), np.asarray(end), rules)
        if found is not None and found[0] > best[window.question][0]:
            context = dataset.questions[window.question].context
            best[window.question] = found[0], context[window.spans[found[1]][0] : window.spans[found[2]][1]]
    return {question.id: best[number][1] for number, question in enumerate(dataset.questions)}


def _best_span(window: Window, start: Array, end: Array, rules: AnswerRules) -> tuple[float, int, int] | None:
    count = len(window.spans)
    firsts = np.argsort(-start, kind="stable")[: rules.n_best_size] - window.start
    lasts = np.argsort(-end, kind="stable")[: rules.n_best_size] - window.start
    best = None
    for first in firsts.tolist():
        if not 0 <= first < count or not window.best[first]:
            continue
        for last in lasts.tolist():
            if first <= last < count and last - first < rules.max_answer_length:
                score = float(start[window.start + first] + end[window.start + last])
                if best is None or score > best[0]:
                    best = score, first, last
    return best


def _list(entry: Mapping[str, Any], key: str, path: Path, where: str = "$") -> list[Any]:
    value = entry.get(key)
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise ValueError(fault(f"There is no list of {key}.", where=f"{path}, {where}.{key}", fix=_FIX))
    return value


def _text(entry: Mapping[str, Any], key: str, path: Path, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise ValueError(fault(f"{key} is no text.", where=f"{path}, {where}.{key}", fix=_FIX))  # noqa: TRY004 - the file is wrong
    return value


def _start(answer: Mapping[str, Any], path: Path, where: str) -> int:
    value = answer.get("answer_start")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(fault(f"answer_start is {value!r}.", where=f"{path}, {where}", fix=_FIX))
    return value
