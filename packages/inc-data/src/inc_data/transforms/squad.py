"""A SQuAD model's logits to answers (1.x's postprocess)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inc_data.datasets.squad import AnswerRules, SQuAD, answers_of
from inc_data.faults import fault, whole_number
from inc_data.text.wordpiece import WordPiece
from inc_data.transforms.labels import FIRST_UNIQUE_ID
from inc_data.transforms.protocol import ImageTransform


@dataclass(frozen=True)
class SquadV1(ImageTransform):
    """Turn ``(unique_ids, start_logits, end_logits)`` as ``Collect`` gathers them into a dict from question id to answer.

    Ids count the windows from 1,000,000,000; they may come in any order, but each once.

    Args:
        label_file: SQuAD 1.1 as JSON.
        vocab_file: BERT's ``vocab.txt``.
        n_best_size: starts and ends that are considered per window.
        max_seq_length: ids per window.
        max_query_length: pieces of a question that are kept.
        max_answer_length: pieces of the longest answer.
        do_lower_case: as the model was trained.
        doc_stride: pieces between the beginnings of two windows.
    """

    label_file: str
    vocab_file: str
    n_best_size: int = 20
    max_seq_length: int = 384
    max_query_length: int = 64
    max_answer_length: int = 30
    do_lower_case: bool = True
    doc_stride: int = 128

    def __post_init__(self) -> None:
        for name in ("n_best_size", "max_seq_length", "max_query_length", "max_answer_length", "doc_stride"):
            whole_number(getattr(self, name), minimum=1, name=name, where=type(self).__name__)

    @cached_property
    def windows(self) -> SQuAD:
        """The windows of the file, made at first use."""
        return SQuAD(
            self.label_file,
            WordPiece(self.vocab_file, lower_case=self.do_lower_case),
            max_seq_length=self.max_seq_length,
            doc_stride=self.doc_stride,
            max_query_length=self.max_query_length,
        )

    def apply(self, image: Any) -> Any:
        """Return the answers."""
        ids, starts, ends = image
        places = [int(number) - FIRST_UNIQUE_ID for number in ids]
        if sorted(places) != list(range(len(self.windows))):
            raise ValueError(
                fault(
                    f"There are logits of {len(set(places))} windows, the file has {len(self.windows)}.",
                    where=f"{type(self).__name__}, {self.label_file}",
                    fix="evaluate every window once, with the same lengths and stride",
                )
            )
        order = sorted(range(len(places)), key=places.__getitem__)
        rules = AnswerRules(self.n_best_size, self.max_answer_length)
        return answers_of(self.windows, [starts[n] for n in order], [ends[n] for n in order], rules)

    def __call__(self, item: Any) -> Any:
        """Answer (predictions, label), or predictions alone."""
        return self.apply_pair(*item) if isinstance(item, tuple) and len(item) == 2 else self.apply(item)
