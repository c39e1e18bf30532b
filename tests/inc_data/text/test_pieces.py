from __future__ import annotations

from types import SimpleNamespace

import pytest
from inc_data import WordPiece, as_tokenizer
from inc_data.text.pieces import encode


class Letters:
    """One piece per letter; its number is the letter's."""

    cls, sep, pad = 1, 2, 0

    def pieces(self, text):
        return [ord(letter) for letter in text], [(n, n + 1) for n in range(len(text))]


def ids(*parts):
    return [part if isinstance(part, int) else ord(part) for part in parts]


def test_one_text_and_two():
    one = encode(Letters(), "ab", None, length=6)
    assert one.input_ids.tolist() == ids(1, "a", "b", 2, 0, 0)
    assert one.attention_mask.tolist() == [1, 1, 1, 1, 0, 0]
    assert one.token_type_ids.tolist() == [0] * 6
    two = encode(Letters(), "ab", "c", length=7)
    assert two.input_ids.tolist() == ids(1, "a", "b", 2, "c", 2, 0)
    assert two.token_type_ids.tolist() == [0, 0, 0, 0, 1, 1, 0]
    roberta = encode(Letters(), "ab", "c", length=7, double_sep=True)
    assert roberta.input_ids.tolist() == ids(1, "a", "b", 2, 2, "c", 2)


def test_the_longer_of_two_texts_is_cut_first_and_the_second_of_equals():
    # Room for 4 of 5 + 3: the first loses 2, then they are equal and the second loses 1, then the first 1.
    assert encode(Letters(), "abcde", "xyz", length=7).input_ids.tolist() == ids(1, "a", "b", 2, "x", "y", 2)
    assert encode(Letters(), "ab", "xy", length=6).input_ids.tolist() == ids(1, "a", "b", 2, "x", 2)


class OfTokenizers:
    """The part of tokenizers.Tokenizer that is used."""

    def token_to_id(self, name):
        return {"<s>": 5, "</s>": 6, "<pad>": 7}.get(name)

    def encode(self, text, add_special_tokens):
        assert not add_special_tokens
        return SimpleNamespace(ids=[9, 8, 7], offsets=[(0, 1), (1, 2), (0, 0)], attention_mask=[1, 1, 0])


class OfTransformers:
    """The part of a fast tokenizer of transformers that is used."""

    cls_token_id, sep_token_id, pad_token_id = 5, 6, 0

    def __call__(self, text, add_special_tokens, return_offsets_mapping):
        assert not add_special_tokens
        assert return_offsets_mapping
        return {"input_ids": [9, 8], "offset_mapping": [(0, 1), (1, 2)]}


@pytest.mark.parametrize("given", [OfTokenizers(), OfTransformers()])
def test_tokenizers_of_others_are_known_by_their_methods(given):
    tokenizer = as_tokenizer(given, where="a test")
    assert (tokenizer.cls, tokenizer.sep) == (5, 6)
    assert tokenizer.pieces("ab") == ([9, 8], [(0, 1), (1, 2)])


def test_paths_and_what_is_no_tokenizer(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n")
    assert isinstance(as_tokenizer(tmp_path, where="a test"), WordPiece)
    with pytest.raises(ValueError, match="names of models on the network are not fetched"):
        as_tokenizer("bert-base-uncased", where="a test")
    with pytest.raises(TypeError, match="int is no tokenizer"):
        as_tokenizer(3, where="a test")
    with pytest.raises(ValueError, match="has no sep token"):
        as_tokenizer(type("T", (), {"cls_token_id": 1, "sep_token_id": None, "pad_token_id": 0, "__call__": None})(), where="a test")
