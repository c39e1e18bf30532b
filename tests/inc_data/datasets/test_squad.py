from __future__ import annotations

import json

import numpy as np
import pytest
from inc_data import SQuAD, build_dataset, build_transform
from inc_data.datasets.squad import AnswerRules, answers_of

WORDS = ["who", "is", "it", "the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "##s", ".", "nine", "ten"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
CONTEXT = "The quick brown foxs jumps over the lazy dog. Nine ten."


def document(*questions, context=CONTEXT, version="1.1"):
    qas = [
        {"id": f"q{n}", "question": text, "answers": [{"text": a, "answer_start": s} for a, s in answers]}
        for n, (text, answers) in enumerate(questions)
    ]
    return {"version": version, "data": [{"title": "t", "paragraphs": [{"context": context, "qas": qas}]}]}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY))
    content = document(("Who is it", [("brown foxs", CONTEXT.index("brown"))]), ("is it", [("Nine ten", CONTEXT.index("Nine"))]))
    (tmp_path / "dev.json").write_text(json.dumps(content))
    return tmp_path


def tokens(features):
    return [VOCABULARY[number] for number in features.input_ids]


def test_a_paragraph_that_fits_is_one_window(files):
    data = build_dataset("SQuAD", path=files / "dev.json", tokenizer=str(files / "vocab.txt"), max_seq_length=24, max_query_length=8)
    assert len(data) == 2
    features, (start, end) = data[0]
    words = ["the", "quick", "brown", "fox", "##s", "jumps", "over", "the", "lazy", "dog", ".", "nine", "ten", "."]
    assert tokens(features) == ["[CLS]", "who", "is", "it", "[SEP]", *words, "[SEP]", "[PAD]", "[PAD]", "[PAD]", "[PAD]"]
    assert features.token_type_ids.tolist() == [0] * 5 + [1] * 15 + [0] * 4
    assert tokens(features)[start : end + 1] == ["brown", "fox", "##s"]


def test_a_long_paragraph_becomes_windows_that_overlap(files):
    data = SQuAD(files / "dev.json", files / "vocab.txt", max_seq_length=12, doc_stride=4, max_query_length=3)
    # Room for 12 - 6 = 6 of 14 pieces behind "who is it": windows begin at 0, 4 and 8.
    first = [window for window in data.windows if window.question == 0]
    assert [CONTEXT[w.spans[0][0] : w.spans[-1][1]] for w in first] == [
        "The quick brown foxs jumps", "s jumps over the lazy dog", "lazy dog. Nine ten.",
    ]  # fmt: skip
    assert [data[n][1] for n in range(3)] == [(7, 9), (0, 0), (0, 0)]  # [CLS] who is it [SEP] the quick brown fox ##s
    # Every piece is a best piece of exactly one window.
    best = [span for window in first for span, flag in zip(window.spans, window.best, strict=True) if flag]
    assert len(best) == len(set(best)) == 14
    assert len(data) == 3 + len([w for w in data.windows if w.question == 1])


def test_a_repeated_word_is_found_in_its_own_place(files):
    (files / "dev.json").write_text(json.dumps(document(("it", [("dog", 12)]), context="dog dog dog dog")))
    assert SQuAD(files / "dev.json", files / "vocab.txt", max_query_length=8)[0][1] == (6, 6)


def logits(data, spans):
    """Logits that are 5 at the spans' ends, given as (window, first, last, height)."""
    starts, ends = np.zeros((2, len(data), data.length))
    for window, first, last, height in spans:
        starts[window, first] = ends[window, last] = height
    return starts, ends


def test_the_highest_span_is_the_answer_in_the_papers_own_letters(files):
    data = SQuAD(files / "dev.json", files / "vocab.txt", max_seq_length=24, max_query_length=8)
    starts, ends = logits(data, [(0, 7, 9, 5.0), (1, 15, 16, 5.0)])
    assert answers_of(data, starts, ends, AnswerRules()) == {"q0": "brown foxs", "q1": "Nine ten"}
    # An end before its start, in the question, or too far away is no answer.
    starts, ends = logits(data, [(0, 9, 7, 9.0), (0, 5, 6, 5.0), (1, 1, 2, 9.0), (1, 4, 5, 5.0)])
    assert answers_of(data, starts, ends, AnswerRules())["q1"] == "The quick"
    starts, ends = logits(data, [(0, 5, 14, 9.0)])
    assert answers_of(data, starts, ends, AnswerRules(max_answer_length=9))["q0"] != "The quick brown foxs jumps over the lazy dog"


def test_collect_and_squad_v1_answer_over_batches(files):
    data = SQuAD(files / "dev.json", files / "vocab.txt", max_seq_length=24, max_query_length=8)
    starts, ends = logits(data, [(0, 7, 9, 5.0), (1, 15, 16, 5.0)])
    collect = build_transform("Collect", length=2)
    args = {"label_file": str(files / "dev.json"), "vocab_file": str(files / "vocab.txt"), "max_seq_length": 24, "max_query_length": 8}
    for name in ("SquadV1", "SquadV1ModelZoo"):
        answer = build_transform(name, **args)
        for row in range(2):
            gathered, label = collect((np.stack([starts[row], ends[row]], axis=-1)[np.newaxis], "articles"))
        assert answer((gathered, label)) == ({"q0": "brown foxs", "q1": "Nine ten"}, "articles")
    ids, first, last = gathered
    assert answer.apply((ids[::-1], first[::-1], last[::-1])) == {"q0": "brown foxs", "q1": "Nine ten"}
    with pytest.raises(ValueError, match="logits of 1 windows, the file has 2"):
        answer.apply((ids[:1], first[:1], last[:1]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no JSON"),
        ("[]", "no SQuAD document"),
        ('{"data": 3}', r"no list of data(?s:.*)\$\.data"),
        ('{"data": []}', "no questions"),
        ('{"data": [{"paragraphs": [{"context": 3, "qas": []}]}]}', r"context is no text(?s:.*)\$\.data\[0\]\.paragraphs\[0\]"),
        (json.dumps(document(("x", [("a", -1)]))), r"answer_start is -1(?s:.*)qas\[0\]"),
    ],
)
def test_files_of_another_form_are_errors_that_name_the_place(files, content, message):
    (files / "dev.json").write_text(content)
    with pytest.raises(ValueError, match=rf"{message}"):
        SQuAD(files / "dev.json", files / "vocab.txt")


def test_lengths_without_room_are_refused(files):
    with pytest.raises(ValueError, match="leaves no room"):
        SQuAD(files / "dev.json", files / "vocab.txt", max_seq_length=64)


def test_bert_gives_the_articles_as_one_item(files):
    data = build_dataset("bert", root="features", label_file=str(files / "dev.json"))
    root, articles = data[0]
    assert (len(data), root, articles[0]["title"]) == (1, "features", "t")
    (files / "dev.json").write_text(json.dumps(document(("it", []), version="2.0")))
    with pytest.raises(ValueError, match=r"version '2\.0'(?s:.*)dev\.json"):
        build_dataset("bert", root="features", label_file=str(files / "dev.json"))
