"""What the package's README shows is read as it stands there."""

import re
from pathlib import Path

import pytest
from inc_config import load, not_offered

README = Path(__file__).resolve().parents[2] / "packages" / "inc-config" / "README.md"
DOCUMENTS = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", DOCUMENTS)
def test_every_document_is_read_and_carried_out(text):
    assert not_offered(load(text)) == ()


def test_the_python_example_runs(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert (tmp_path / "pipeline.yaml").exists()
