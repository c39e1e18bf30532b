"""One view of a tokenizer, whoever made it: pieces of a text with their places, and the numbers of the special tokens."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from inc_data.faults import fault
from inc_data.protocols import IndexArray
from inc_data.text.wordpiece import Span, WordPiece


@runtime_checkable
class Tokenizer(Protocol):
    """What text datasets need; ``WordPiece`` is one, and ``as_tokenizer`` makes one of the tokenizers that people have."""

    cls: int
    sep: int
    pad: int

    def pieces(self, text: str) -> tuple[list[int], list[Span]]:
        """Return the ids of the pieces of a text, without special tokens, and where each stands in it as (start, end)."""


class Encoded(NamedTuple):
    """What a model of the BERT family reads, each int64 of shape ``(length,)``."""

    input_ids: IndexArray
    attention_mask: IndexArray
    token_type_ids: IndexArray


def as_tokenizer(tokenizer: Any, *, where: str) -> Tokenizer:
    """Return a view of a ``Tokenizer``, of a ``tokenizers.Tokenizer``, or of a fast tokenizer of ``transformers``.

    A path is a ``tokenizer.json``, a ``vocab.txt``, or a folder with one of them; nothing is fetched.

    Raises:
        TypeError: none of these.
        ValueError: a file is missing, or the special tokens are not known.
    """
    if isinstance(tokenizer, Tokenizer):
        return tokenizer
    if isinstance(tokenizer, str | Path):
        return _from_path(Path(tokenizer), where)
    if hasattr(tokenizer, "token_to_id") and hasattr(tokenizer, "encode"):
        return _OfTokenizers(tokenizer, where)
    if callable(tokenizer) and hasattr(tokenizer, "sep_token_id"):
        return _OfTransformers(tokenizer, where)
    raise TypeError(
        fault(
            f"{type(tokenizer).__name__} is no tokenizer that is known here.",
            where=where,
            fix="pass WordPiece('vocab.txt'), a tokenizers.Tokenizer, or a fast tokenizer of transformers",
        )
    )


def encode(tokenizer: Tokenizer, first: str, second: str | None, *, length: int, double_sep: bool = False) -> Encoded:
    """Encode one text or two as [CLS] first [SEP] second [SEP], padded to ``length``; of two the longer is cut first.

    Args:
        tokenizer: the tokenizer.
        first: a text.
        second: its partner, or None.
        length: number of ids.
        double_sep: put two separators between the texts, as RoBERTa does.
    """
    parts = [tokenizer.pieces(first)[0]] + ([] if second is None else [tokenizer.pieces(second)[0]])
    between = [tokenizer.sep] * (2 if double_sep else 1)
    room = length - 2 - (len(between) if second is not None else 0)
    while sum(map(len, parts)) > room:
        max(reversed(parts), key=len).pop()
    ids = [tokenizer.cls, *parts[0]]
    types = [0] * len(ids)
    if second is not None:
        ids += [*between, *parts[1]]
        types += [0] * len(between) + [1] * len(parts[1])
    ids.append(tokenizer.sep)
    types.append(0 if second is None else 1)
    return padded(ids, types, length, tokenizer.pad)


def padded(ids: list[int], types: list[int], length: int, pad: int) -> Encoded:
    """Fill ids with ``pad``, mask and types with 0."""
    missing = length - len(ids)
    return Encoded(
        np.array(ids + [pad] * missing, np.int64),
        np.array([1] * len(ids) + [0] * missing, np.int64),
        np.array(types + [0] * missing, np.int64),
    )


class _OfTokenizers:
    """The view of a ``tokenizers.Tokenizer``."""

    def __init__(self, tokenizer: Any, where: str) -> None:
        self._tokenizer = tokenizer
        self.cls = _first_known(tokenizer, ("[CLS]", "<s>"), where)
        self.sep = _first_known(tokenizer, ("[SEP]", "</s>"), where)
        self.pad = _first_known(tokenizer, ("[PAD]", "<pad>"), where)

    def pieces(self, text: str) -> tuple[list[int], list[Span]]:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        # A tokenizer that the caller told to pad marks what it added.
        real = [number for number, mask in enumerate(encoding.attention_mask) if mask]
        return [encoding.ids[n] for n in real], [encoding.offsets[n] for n in real]


class _OfTransformers:
    """The view of a fast tokenizer of ``transformers``."""

    def __init__(self, tokenizer: Any, where: str) -> None:
        self._tokenizer = tokenizer
        numbers = {name: getattr(tokenizer, f"{name}_token_id", None) for name in ("cls", "sep", "pad")}
        if None in numbers.values():
            raise ValueError(
                fault(
                    f"The tokenizer has no {', '.join(n for n, v in numbers.items() if v is None)} token.",
                    where=where,
                    fix="give one of a BERT model",
                )
            )
        self.cls, self.sep, self.pad = (int(number) for number in numbers.values() if number is not None)

    def pieces(self, text: str) -> tuple[list[int], list[Span]]:
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return list(encoded["input_ids"]), [tuple(span) for span in encoded["offset_mapping"]]


def _first_known(tokenizer: Any, names: tuple[str, ...], where: str) -> int:
    for name in names:
        number = tokenizer.token_to_id(name)
        if number is not None:
            return int(number)
    raise ValueError(fault(f"The tokenizer knows none of {', '.join(names)}.", where=where, fix="give the tokenizer of a BERT model"))


def _from_path(path: Path, where: str) -> Tokenizer:
    for candidate in (path, path / "tokenizer.json", path / "vocab.txt"):
        if candidate.is_file() and candidate.suffix == ".json":
            return _OfTokenizers(_load_tokenizers(candidate), where)
        if candidate.is_file():
            return WordPiece(candidate)
    raise ValueError(
        fault(
            "There is no tokenizer.json and no vocab.txt.",
            where=str(path),
            fix="give a local folder of the model; names of models on the network are not fetched",
        )
    )


def _load_tokenizers(path: Path) -> Any:
    try:
        tokenizers = import_module("tokenizers")  # optional, and untyped where it is not installed
    except ImportError as error:
        raise ValueError(
            fault("A tokenizer.json needs the library tokenizers.", where=str(path), fix="pip install 'inc-data[tokenizers]'")
        ) from error
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:
        raise ValueError(fault(f"The tokenizer cannot be read: {error}.", where=str(path), fix="save it again")) from error
