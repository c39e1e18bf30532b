"""1.x's BERT datasets: a SQuAD file as one item, ready tensors, and records of features."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np

from inc_data.datasets.records import Records
from inc_data.datasets.squad import read_articles
from inc_data.faults import checked_path, fault, one_of
from inc_data.formats.example import parse_example
from inc_data.protocols import Array
from inc_data.reading import checked_dataset
from inc_data.transforms.protocol import apply_to_item

Task = Literal["classifier", "squad"]
NO_SEGMENTS = ("distilbert", "roberta", "xlm")
"""Models that do not read token types."""


class SquadArticles:
    """1.x's ``bert`` for TensorFlow: one item ``(root, articles)``: the path of the model's features, and the file's ``data`` list.

    Args:
        root: passed on to the model.
        label_file: SQuAD 1.1 as JSON.
        transform: applied to the item.

    Raises:
        ValueError: the file is none, or of another version.
    """

    def __init__(
        self, root: str | os.PathLike[str], label_file: str | os.PathLike[str], transform: Callable[[Any], Any] | None = None
    ) -> None:
        self.root = checked_path(root, where="bert")
        path = checked_path(label_file, where="bert")
        document = read_articles(path)
        if document.get("version") != "1.1" or not isinstance(document.get("data"), list):
            raise ValueError(
                fault(f"The file is of version {document.get('version')!r}.", where=str(path), fix="give SQuAD 1.1, such as dev-v1.1.json")
            )
        self.transform = transform
        self._articles = document["data"]

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        if index not in (0, -1):
            raise IndexError(fault(f"There is no item {index}.", where="bert", fix="it has one item"))
        item = str(self.root), self._articles
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=True)


class BertTensors:
    """1.x's ``bert`` for PyTorch: rows of ready tensors as items ``(inputs, label)``, inputs a dict by the model's names.

    Args:
        dataset: items (input_ids, attention_mask, token_type_ids, label), or with (start, end) in place of the label for SQuAD; torch's
            TensorDataset is one.
        task: ``classifier``: the inputs hold ``labels`` too; ``squad``: they hold start_positions and end_positions where there are any.
        model_type: bert, xlnet, xlm, ...; distilbert, roberta and xlm read no token types.
        transform: applied to each item.
    """

    def __init__(self, dataset: Any, task: Task, model_type: str = "bert", transform: Callable[[Any], Any] | None = None) -> None:
        if task not in get_args(Task):
            raise ValueError(fault(f"Unknown task {task!r}.", where="bert", fix=one_of(str(task), get_args(Task))))
        self._dataset = checked_dataset(dataset, "bert")
        self._task = task
        self._segments = model_type not in NO_SEGMENTS
        self.transform = transform

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        row = tuple(np.asarray(part) for part in self._dataset[index])
        wanted = 4 if self._task == "classifier" else 5
        if len(row) < 4 or len(row) > wanted:
            raise ValueError(
                fault(
                    f"An item has {len(row)} parts, {wanted} are wanted.",
                    where=f"bert, item {index}",
                    fix="give ids, mask, types and label(s)",
                )
            )
        item = self._inputs(row), row[3] if self._task == "classifier" else row[3:]
        return item if self.transform is None else apply_to_item(self.transform, item, labelled=True)

    def _inputs(self, row: tuple[Array, ...]) -> dict[str, Array]:
        inputs = {"input_ids": row[0], "attention_mask": row[1]}
        if self._segments:
            inputs["token_type_ids"] = row[2]
        if self._task == "classifier":
            inputs["labels"] = row[3]
        elif len(row) == 5:
            inputs |= {"start_positions": row[3], "end_positions": row[4]}
        return inputs


def bert(
    root: str | os.PathLike[str] | None = None,
    label_file: str | os.PathLike[str] | None = None,
    task: Task = "squad",
    model_type: str = "bert",
    *,
    dataset: Any = None,
    transform: Callable[[Any], Any] | None = None,
) -> SquadArticles | BertTensors:
    """Open 1.x's ``bert``: with ``dataset`` as for PyTorch, with ``root`` and ``label_file`` as for TensorFlow.

    Raises:
        TypeError: neither is given.
    """
    if dataset is not None:
        return BertTensors(dataset, task, model_type, transform)
    if root is None or label_file is None:
        raise TypeError(fault("There is nothing to read.", where="bert", fix="pass dataset=..., or root=... and label_file=..."))
    return SquadArticles(root, label_file, transform)


class BertRecords(Records):
    """1.x's ``mzbert``: TFRecord features as items ``((input_ids, input_mask, segment_ids), unique_id)``, int64 of shape ``(length,)``.

    Args:
        root: a file of features, or a folder of them.
        label_file: SQuAD 1.1 as JSON, kept for the postprocess.
        task: kept from 1.x.
        model_type: kept from 1.x.
        num_cores: kept from 1.x; loading in parallel is the loader's (``DataLoader(num_workers=...)``).
        transform: applied to each item.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        label_file: str | os.PathLike[str] | None = None,
        *,
        task: Task = "squad",
        model_type: str = "bert",
        num_cores: int = 28,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        path = checked_path(root, where="mzbert")
        self.label_file = None if label_file is None else checked_path(label_file, where="mzbert")
        paths = (
            [path] if path.is_file() else sorted(entry for entry in path.glob("*") if entry.is_file() and not entry.name.startswith("."))
        )
        if not paths:
            raise ValueError(fault("There are no files of features.", where=str(path), fix="give the file that BERT's scripts write"))
        super().__init__(paths, transform, _features)


def _features(record: bytes, where: str) -> tuple[tuple[Array, Array, Array], int]:
    example = parse_example(record, where=where)
    ids, mask, segments = (example.numbers(name) for name in ("input_ids", "input_mask", "segment_ids"))
    number = example.whole_number("unique_ids") if "unique_ids" in example.features else -1
    return (ids, mask, segments), number
