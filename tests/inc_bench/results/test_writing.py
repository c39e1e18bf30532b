"""Results as files."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import attrs
import pytest
from inc_bench.results import BenchmarkResult, Estimate, InstanceResult, Latencies, Noise, ServerFacts
from inc_bench.results.writing import check_writable, load_result, ratio_to_earlier, save_result, to_csv, to_markdown
from inc_bench.surroundings import Environment
from inc_config.errors import ConfigError, StoreError
from results import ENVIRONMENT, RESULT, result

SCHEMA = Path(__file__).resolve().parents[3] / "packages" / "inc-bench" / "SCHEMA.md"


def test_a_result_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    facts = ServerFacts(rate_per_s=5.0, achieved_per_s=4.9, dispatch_error_s=1e-4, dispatch_error_p99_s=1e-3, kept_up=True, saturated=False)
    written = attrs.evolve(RESULT, server=facts, notes=("a note",), accuracy=0.9, metric="accuracy")
    save_result(written, path)
    assert load_result(path) == written


@pytest.mark.parametrize("cls", [BenchmarkResult, InstanceResult, Latencies, Estimate, Noise, ServerFacts, Environment])
def test_the_schema_document_names_every_field(cls: type) -> None:
    text = SCHEMA.read_text(encoding="utf-8")
    assert [field.name for field in attrs.fields(cls) if not re.search(rf"`{field.name}`", text)] == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", ConfigError),
        ("[]", ConfigError),
        (json.dumps({"format": 1}), ConfigError),
        ("\xff\xfe", ConfigError),
    ],
)
def test_what_is_not_a_result_is_refused(text: str, error: type[Exception], tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error):
        load_result(path)


def test_a_result_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    save_result(attrs.evolve(RESULT, format=99), path)
    with pytest.raises(StoreError, match="format 99"):
        load_result(path)


def test_csv_and_markdown_have_a_row_per_result() -> None:
    results = [RESULT, result(200.0, batch_size=8, model="a|b")]
    rows = list(csv.DictReader(to_csv(results).splitlines()))
    assert [row["samples/s"] for row in rows] == ["100.0", "200.0"]
    assert rows[0]["p99 ms"] == "20.000"
    lines = to_markdown(results).splitlines()
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines[:4]}) == 1  # a bar in a name is no cell border
    assert "a processor" in lines[-1]


def test_the_ratio_to_an_earlier_result_has_the_quotients_bounds() -> None:
    ratio, differences = ratio_to_earlier(result(150.0), RESULT)
    assert ratio.value == pytest.approx(1.5)
    assert ratio.low == pytest.approx(0.98 * 150 / 102)
    assert ratio.high == pytest.approx(1.02 * 150 / 98)
    assert differences == ()


def test_what_makes_two_results_incomparable_is_said() -> None:
    other = attrs.evolve(ENVIRONMENT, cpu="another", versions={"numpy": "2.1", "torch": None})
    _, differences = ratio_to_earlier(result(batch_size=8, environment=other), RESULT)
    assert [text.split(" differs")[0] for text in differences] == ["processor", "batch size", "numpy"]


def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        check_writable(tmp_path / "no such folder" / "r.json")
    with pytest.raises(StoreError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(StoreError):
        check_writable(Path("/proc/r.json"))  # read-only for everyone, root too
    check_writable(tmp_path / "r.json")
    assert list(tmp_path.iterdir()) == []
