"""What an instance says while it gets ready."""

from __future__ import annotations

import json
import os
from pathlib import Path

from inc_bench.instances.job import Job, ModelSource, SourceKind
from inc_bench.instances.opening import Opened
from inc_bench.instances.serving import _Channel, _prepared


def test_calls_of_the_warm_up_count_as_progress(tmp_path: Path) -> None:
    """Otherwise a warm-up longer than the timeout, in which calls end all the while, would count as a hang."""
    seen: list[int] = []
    reader, writer = os.pipe()
    channel = _Channel(writer)
    job = Job(model=ModelSource(kind=SourceKind.TARGET, name="m:f"), folder=tmp_path, warmup=7)
    _prepared(Opened(native=lambda: seen.append(len(channel.progress.stamps))), job, channel, ["a note"])
    os.close(writer)
    with os.fdopen(reader) as events:
        (event,) = (json.loads(line) for line in events)
    assert seen == [0, *range(7)]
    assert (event["event"], event["batch_size"], event["notes"]) == ("ready", 1, ["a note"])
