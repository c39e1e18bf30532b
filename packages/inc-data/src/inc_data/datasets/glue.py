"""GLUE's text files as features of the BERT family."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inc_data.faults import checked_path, fault, one_of, whole_number
from inc_data.fingerprint import Digest, describe
from inc_data.protocols import Array, IndexArray
from inc_data.text.pieces import Encoded, as_tokenizer, encode
from inc_data.text.wordpiece import WordPiece
from inc_data.transforms.protocol import apply_to_item

MODEL_TYPES = ("bert", "distilbert", "mobilebert", "roberta")


@dataclass(frozen=True)
class _Task:
    """Where a task's files hold texts and label: columns by position, -1 is the last.

    ``classes`` are the label's spellings in the order of their numbers; none means a number (a regression).
    """

    texts: tuple[int, ...]
    label: int
    classes: tuple[str, ...] = ("0", "1")
    header: bool = True
    dev: str = "dev.tsv"


_ENTAILS = ("entailment", "not_entailment")
TASKS = {
    "cola": _Task((3,), 1, header=False),
    "sst-2": _Task((0,), 1),
    "mrpc": _Task((3, 4), 0),
    "sts-b": _Task((7, 8), -1, ()),
    "qqp": _Task((3, 4), 5),
    "mnli": _Task((8, 9), -1, ("contradiction", "entailment", "neutral"), dev="dev_matched.tsv"),
    "qnli": _Task((1, 2), -1, _ENTAILS),
    "rte": _Task((1, 2), -1, _ENTAILS),
    "wnli": _Task((1, 2), -1),
}


class GLUE:
    """Sentences, or pairs of them, as items ``(Encoded(input_ids, attention_mask, token_type_ids), label)``.

    Args:
        data_dir: folder with the task's ``train.tsv`` and ``dev.tsv``.
        model_name_or_path: local folder, ``tokenizer.json`` or ``vocab.txt`` of the model; names on the network are not fetched.
        max_seq_length: ids per item.
        do_lower_case: for a ``vocab.txt``.
        task: mrpc, qqp, qnli, rte, sts-b, cola, mnli, wnli or sst-2.
        model_type: bert, distilbert, mobilebert or roberta (which puts two separators between sentences).
        dynamic_length: cut each item to its own length; pass a collate that pads then.
        evaluate: read ``dev.tsv``, else ``train.tsv``.
        transform: applied to (features, label).
        tokenizer: in place of ``model_name_or_path``; see ``as_tokenizer``.

    Raises:
        ValueError: an unknown task or model, a missing file, a line of another form, or no tokenizer.
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str],
        model_name_or_path: str | os.PathLike[str] | None = None,
        *,
        max_seq_length: int = 128,
        do_lower_case: bool = True,
        task: str = "mrpc",
        model_type: str = "bert",
        dynamic_length: bool = False,
        evaluate: bool = True,
        transform: Callable[[Any], Any] | None = None,
        tokenizer: Any = None,
    ) -> None:
        name = str(task).lower()
        if name not in TASKS:
            raise ValueError(fault(f"Unknown task {task!r}.", where="GLUE", fix=one_of(name, TASKS)))
        if model_type not in MODEL_TYPES:
            raise ValueError(fault(f"Unknown model_type {model_type!r}.", where="GLUE", fix=one_of(str(model_type), MODEL_TYPES)))
        self.transform = transform
        self._task = TASKS[name]
        self._length = whole_number(max_seq_length, minimum=5, name="max_seq_length", where="GLUE")
        self._dynamic = dynamic_length
        self._double_sep = model_type == "roberta"
        self._tokenizer = _tokenizer(tokenizer, model_name_or_path, lower_case=do_lower_case)
        path = checked_path(data_dir, where="GLUE") / (self._task.dev if evaluate else "train.tsv")
        self.texts, self.labels = _read(path, self._task)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Any:
        item = self._features(index), self.labels[index].item()
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=True)

    def _features(self, index: int) -> Encoded:
        first, second = self.texts[index]
        encoded = encode(self._tokenizer, first, second, length=self._length, double_sep=self._double_sep)
        if not self._dynamic:
            return encoded
        used = int(encoded.attention_mask.sum())
        return Encoded(*(part[:used] for part in encoded))

    def digest(self, indices: IndexArray) -> str:
        """Return a SHA-256 over the features, labels and the transform."""
        digest = Digest("glue", describe(self.transform))
        for index in indices.tolist():
            digest.add_item((*self._features(index), self.labels[index].item()))
        return digest.hexdigest()


def _tokenizer(given: Any, path: str | os.PathLike[str] | None, *, lower_case: bool) -> Any:
    if given is not None:
        return as_tokenizer(given, where="GLUE, tokenizer")
    if path is None:
        raise ValueError(
            fault("There is no tokenizer.", where="GLUE", fix="pass tokenizer=... or model_name_or_path='folder/of/the/model'")
        )
    folder = checked_path(path, where="GLUE")
    if not folder.exists():
        raise ValueError(
            fault(
                f"There is no {str(folder)!r}; names of models on the network are not fetched.",
                where="GLUE, model_name_or_path",
                fix="pass a local folder with tokenizer.json or vocab.txt, or tokenizer=...",
            )
        )
    vocabulary = folder if folder.is_file() else folder / "vocab.txt"
    if vocabulary.suffix != ".json" and vocabulary.is_file() and not (folder / "tokenizer.json").is_file():
        return WordPiece(vocabulary, lower_case=lower_case)
    return as_tokenizer(folder, where="GLUE, model_name_or_path")


def _read(path: Path, task: _Task) -> tuple[list[tuple[str, str | None]], Array]:
    fix = "give the folder of the task as GLUE publishes it"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(fault(f"The file cannot be read: {error}.", where=str(path), fix=fix)) from error
    texts: list[tuple[str, str | None]] = []
    labels: list[float] = []
    for number, row in list(enumerate(rows, start=1))[1 if task.header else 0 :]:
        if len(row) <= max(*task.texts, task.label):
            raise ValueError(fault(f"A line has {len(row)} columns.", where=f"{path}, line {number}", fix=fix))
        parts = [row[place] for place in task.texts]
        texts.append((parts[0], parts[1] if len(parts) > 1 else None))
        labels.append(_label(row[task.label], task, f"{path}, line {number}"))
    if not texts:
        raise ValueError(fault("The file has no examples.", where=str(path), fix=fix))
    return texts, np.array(labels, np.int64 if task.classes else np.float32)


def _label(text: str, task: _Task, where: str) -> float:
    if task.classes:
        if text not in task.classes:
            raise ValueError(fault(f"Unknown label {text!r}.", where=where, fix=one_of(text, task.classes)))
        return task.classes.index(text)
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(fault(f"{text!r} is no number.", where=where, fix="the label is a number")) from error
