from __future__ import annotations

import numpy as np
import pytest
from inc_data import GLUE, DataLoader, build_dataset, fingerprint, split

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d"]
A, B, C, D = 4, 5, 6, 7

# One line of each task's dev file, columns as GLUE publishes them, and what it means.
LINES = {
    "cola": ("", "gj04\t1\t\ta b", (("a b", None), 1)),
    "sst-2": ("sentence\tlabel", "a b\t0", (("a b", None), 0)),
    "mrpc": ("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", "1\t7\t8\ta\tb", (("a", "b"), 1)),
    "sts-b": ("0\t1\t2\t3\t4\t5\t6\tsentence1\tsentence2\tscore", "0\tx\tx\t1\t2\tx\tx\ta\tb\t2.5", (("a", "b"), 2.5)),
    "qqp": ("id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", "0\t1\t2\ta\tb\t1", (("a", "b"), 1)),
    "mnli": ("header", "0\t1\t2\tx\tx\tx\tx\tx\ta\tb\tneutral\tneutral", (("a", "b"), 2)),
    "qnli": ("index\tquestion\tsentence\tlabel", "0\ta\tb\tnot_entailment", (("a", "b"), 1)),
    "rte": ("index\tsentence1\tsentence2\tlabel", "0\ta\tb\tentailment", (("a", "b"), 0)),
    "wnli": ("index\tsentence1\tsentence2\tlabel", '0\ta "\tb\t1', (('a "', "b"), 1)),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY))
    return tmp_path


@pytest.mark.parametrize("task", LINES)
def test_every_task_has_its_columns_and_labels(folder, task):
    header, line, (texts, label) = LINES[task]
    name = "dev_matched.tsv" if task == "mnli" else "dev.tsv"
    (folder / name).write_text(f"{header}\n{line}\n" if header else f"{line}\n")
    data = build_dataset("GLUE", data_dir=str(folder), model_name_or_path=str(folder), task=task, max_seq_length=8)
    assert data.texts == [texts]
    assert data[0][1] == label
    assert data.labels.dtype == (np.float32 if task == "sts-b" else np.int64)


def write_mrpc(folder, name, rows):
    (folder / name).write_text("header\n" + "".join(f"{label}\t1\t2\t{first}\t{second}\n" for label, first, second in rows))


def test_features_batches_and_splits(folder):
    write_mrpc(folder, "dev.tsv", [(n % 2, "a b", "c") for n in range(10)])
    write_mrpc(folder, "train.tsv", [(1, "d", "d")])
    data = GLUE(folder, folder, max_seq_length=8)
    features, label = data[1]
    assert features.input_ids.tolist() == [2, A, B, 3, C, 3, 0, 0]
    assert features.attention_mask.tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    assert features.token_type_ids.tolist() == [0, 0, 0, 0, 1, 1, 0, 0]
    assert label == 1
    features, labels = next(iter(DataLoader(data, 4)))
    assert features.input_ids.shape == (4, 8)
    assert labels.tolist() == [0, 1, 0, 1]
    assert sorted(split(data, calibration=4).calibration.labels.tolist()) == [0, 0, 1, 1]
    assert GLUE(folder, folder, evaluate=False).texts == [("d", "d")]
    roberta = GLUE(folder, folder, max_seq_length=8, model_type="roberta")
    assert roberta[0][0].input_ids.tolist() == [2, A, B, 3, 3, C, 3, 0]
    assert [len(part) for part in GLUE(folder, folder, dynamic_length=True)[0][0]] == [6, 6, 6]


def test_bad_input_is_refused(folder):
    for args, message in (
        ({"task": "mrcp"}, r"did you mean mrpc\?"),
        ({"model_type": "gpt"}, "Unknown model_type 'gpt'"),
        ({}, r"cannot be read(?s:.*)dev\.tsv"),
        ({"model_name_or_path": None}, "There is no tokenizer"),
        ({"model_name_or_path": "bert-base-uncased"}, "names of models on the network are not fetched"),
    ):
        with pytest.raises(ValueError, match=message):
            GLUE(**{"data_dir": folder, "model_name_or_path": folder, **args})
    for content, message in (
        ("header\n1\t1\t2\ta\n", r"4 columns(?s:.*)dev\.tsv, line 2"),
        ("header\n2\t1\t2\ta\tb\n", r"Unknown label '2'(?s:.*)line 2"),
        ("header\n", "no examples"),
    ):
        (folder / "dev.tsv").write_text(content)
        with pytest.raises(ValueError, match=message):
            GLUE(folder, folder)


def test_the_fingerprint_follows_the_vocabulary_and_what_is_made_of_the_text(folder):
    write_mrpc(folder, "dev.tsv", [(1, "A b", "c")])

    def name(**options):
        return fingerprint(GLUE(folder, folder, max_seq_length=8, **options))

    before = name()
    assert name() == before
    variants = [before, name(do_lower_case=False), name(model_type="roberta"), name(dynamic_length=True)]
    (folder / "vocab.txt").write_text("\n".join([*VOCABULARY[:4], "b", "a", "c", "d"]))
    assert len({*variants, name()}) == 5
