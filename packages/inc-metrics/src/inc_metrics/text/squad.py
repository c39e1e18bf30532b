"""Exact match and F1 of answers, by the rules of SQuAD v1.1 and v2."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from inc_metrics.errors import MetricTypeError, MetricValueError
from inc_metrics.sample_mean import SampleMean
from inc_metrics.text.corpus import paired_texts
from inc_metrics.text.overlap import shared_f1

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


class SquadVersion(StrEnum):
    """Whose rules count: in v2 a question may have no answer, and then only an empty prediction is right."""

    V1 = "1.1"
    V2 = "2.0"


class SquadF1(SampleMean):
    """Mean over questions of the F1 of words, from 0 to 100; the best of a question's true answers counts.

    Text is compared in lower case, without punctuation, articles and surplus spaces. In v1.1 a question without a prediction
    scores 0; in v2 it is an error, since an empty prediction is an answer there.

    Args:
        version: ``1.1`` or ``2.0``.
        keep_samples: keep each question's value for ``samples()``.

    Source:
        Rajpurkar et al., EMNLP 2016 and ACL 2018, and their evaluation scripts.
    """

    name: ClassVar[str] = "squad-f1"
    higher_is_better: ClassVar[bool] = True
    right: ClassVar[float] = 100.0

    def __init__(self, *, version: SquadVersion | str = SquadVersion.V1, keep_samples: bool = False) -> None:
        try:
            self._version = SquadVersion(str(version))
        except ValueError as error:
            fix = f"one of {', '.join(SquadVersion)}"
            raise MetricValueError(f"Unknown version {version!r}", f"{type(self).__name__}(version)", fix) from error
        super().__init__(keep_samples=keep_samples)

    def update(self, predictions: Any, references: Any) -> None:
        """Take in the answers to some questions.

        Args:
            predictions: texts by question id; or a list of texts, or one text.
            references: articles as in the ``data`` list of a SQuAD file, or the file's whole content, or lists of true answers
                by question id; or, with a list of texts, the true answers of each. No true answer is an empty list or ``""``.

        Raises:
            MetricValueError: no question, a duplicate id, a question without true answer in v1.1 or without prediction in v2.
            MetricTypeError: something of another shape.
        """
        pairs = list(self._pairs(predictions, references, where=f"{type(self).__name__}.update"))
        values = [100.0 * max(self._score(text, answer) for answer in answers) for text, answers in pairs]
        self._take(np.array(values), where=f"{type(self).__name__}.update")

    def _score(self, text: str | None, answer: str) -> float:
        if text is None:
            return 0.0
        found, wanted = normalized(text).split(), normalized(answer).split()
        if self._version is SquadVersion.V2 and not (found and wanted):
            return float(found == wanted)
        return shared_f1(found, wanted)

    def _pairs(self, predictions: Any, references: Any, *, where: str) -> Iterator[tuple[str | None, list[str]]]:
        if not isinstance(predictions, Mapping):
            texts = [predictions] if isinstance(predictions, str) else predictions
            lists = references if texts is predictions else [[references] if isinstance(references, str) else references]
            if isinstance(lists, (str, Mapping)) or not hasattr(lists, "__iter__"):
                fix = "give the true answers of each text in a list, or predictions by question id"
                raise MetricTypeError(f"The references are a {type(lists).__name__}", where, fix)
            filled = [[""] if isinstance(item, (str, list, tuple)) and not item else item for item in lists]
            for index, (text, answers) in enumerate(paired_texts(texts, filled, where=where)):
                yield text, self._true_answers(answers, f"question {index}", where=where)
            return
        wanted = answers_by_id(references, where=where)
        if not wanted:
            raise MetricValueError("The references hold no question", where, "leave out empty batches")
        for question, answers in wanted.items():
            answer = predictions.get(question)
            if answer is None and self._version is SquadVersion.V2:
                raise MetricValueError(f"Question {question!r} has no prediction", where, 'give "" for no answer')
            if answer is not None and not isinstance(answer, str):
                raise MetricTypeError(f"The answer to {question!r} is a {type(answer).__name__}", where, "give strings")
            yield answer, self._true_answers(answers, f"question {question!r}", where=where)

    def _true_answers(self, answers: list[str], question: str, *, where: str) -> list[str]:
        if self._version is SquadVersion.V2:
            return [answer for answer in answers if normalized(answer)] or [""]
        if not any(answers):
            raise MetricValueError(f"There is no true answer to {question}", where, 'use version="2.0" for unanswerable questions')
        return answers

    def _options(self) -> dict[str, object]:
        return {"version": self._version, **super()._options()}


class SquadExactMatch(SquadF1):
    """Percentage of questions whose answer is, once normalised, one of the true ones; options and input as :class:`SquadF1`."""

    name: ClassVar[str] = "squad-em"

    def _score(self, text: str | None, answer: str) -> float:
        return float(text is not None and normalized(text) == normalized(answer))


def squad_f1(predictions: Any, references: Any, *, version: SquadVersion | str = SquadVersion.V1) -> float:
    """Return the mean F1 over the questions given; see :class:`SquadF1`."""
    metric = SquadF1(version=version)
    metric.update(predictions, references)
    return metric.result()


def squad_exact_match(predictions: Any, references: Any, *, version: SquadVersion | str = SquadVersion.V1) -> float:
    """Return the percentage of exact matches over the questions given; see :class:`SquadExactMatch`."""
    metric = SquadExactMatch(version=version)
    metric.update(predictions, references)
    return metric.result()


def normalized(text: str) -> str:
    """Return text in lower case without punctuation, articles and surplus spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def answers_by_id(references: Any, *, where: str) -> dict[str, list[str]]:
    """Return the true answers of each question, from any form that :meth:`SquadF1.update` takes by id.

    Raises:
        MetricValueError: a question twice.
        MetricTypeError: something of another shape.
    """
    if isinstance(references, Mapping) and "data" not in references:
        return {str(question): _texts(answers, question, where=where) for question, answers in references.items()}
    articles = references["data"] if isinstance(references, Mapping) else references
    found: dict[str, list[str]] = {}
    try:
        questions = [question for article in articles for paragraph in article["paragraphs"] for question in paragraph["qas"]]
        pairs = [(question["id"], [answer["text"] for answer in question["answers"]]) for question in questions]
    except (TypeError, KeyError, IndexError) as error:
        fix = 'give the "data" list of a SQuAD file: articles with paragraphs, with qas, with id and answers'
        raise MetricTypeError(f"The references are no SQuAD articles: {error!r}", where, fix) from error
    for question_id, answers in pairs:
        if question_id in found:
            raise MetricValueError(f"Question {question_id!r} occurs twice", where, "drop the duplicate")
        found[question_id] = _texts(answers, question_id, where=where)
    return found


def _texts(answers: Any, question: Any, *, where: str) -> list[str]:
    several = [answers] if isinstance(answers, str) else answers
    if not isinstance(several, (list, tuple)) or not all(isinstance(answer, str) for answer in several):
        raise MetricTypeError(f"The true answers to {question!r} are {answers!r}", where, "give a list of strings")
    return [*several]
