"""Reading a 1.x file of 200 lines with ``inc_config.compat.load_v1``, against parsing it with PyYAML's C loader alone.

Bound: from the second time on, the reading takes at most 10 times as long (CPU time of paired, interleaved rounds; median ratio).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import yaml
from inc_config.compat import load_v1

BOUND = 10.0
ROUNDS = 15
CALLS = 10
LINES = 200


def document() -> str:
    """A file for post-training quantization with settings for many operators, of ``LINES`` lines."""
    head = """\
version: 1.0
model:
  name: net
  framework: tensorflow
  inputs: image
  outputs: [boxes, scores]
quantization:
  approach: post_training_static_quant
  calibration:
    sampling_size: 100, 200
    dataloader:
      batch_size: 10
      dataset:
        ImageRecord:
          root: data/records
      transform:
        BilinearImagenet:
          height: 224
          width: 224
        Normalize:
          mean: [0.485, 0.456, 0.406]
          std: [0.229, 0.224, 0.225]
evaluation:
  accuracy:
    metric:
      topk: 1
tuning:
  accuracy_criterion:
    relative: 1%
  random_seed: 9527
"""
    lines = head.splitlines()
    operators: list[str] = ["  op_wise:"]
    for index in range(LINES):
        operators += [
            f"    block{index}/conv:",
            "      activation:",
            "        dtype: [uint8, fp32]   # either",
            "      weight:",
            "        dtype: [int8, fp32]",
            "        granularity: [per_channel]",
        ]
    place = lines.index("evaluation:")
    return "\n".join([*lines[:place], *operators[: LINES - len(lines)], *lines[place:]]) + "\n"


def plain(text: str) -> Any:
    """What a bare C parse makes of the text."""
    return yaml.load(text, Loader=yaml.CSafeLoader)


def cpu_s(call: Callable[[str], Any], text: str) -> float:
    """CPU time of one call, in seconds, averaged over ``CALLS``."""
    start = time.process_time()
    for _ in range(CALLS):
        call(text)
    return (time.process_time() - start) / CALLS


def main() -> int:
    """Measure, print the ratio and return 1 where the bound does not hold."""
    text = document()
    assert text.count("\n") == LINES
    first = time.process_time()
    load_v1(text)
    first = time.process_time() - first
    plain(text)
    rounds = [(cpu_s(load_v1, text), cpu_s(plain, text)) for _ in range(ROUNDS)]
    ratio = statistics.median(ours / bare for ours, bare in rounds)
    bare = statistics.median(bare for _, bare in rounds)
    print(
        f"{LINES} lines: bare parse {bare * 1e3:.2f} ms, load_v1 {ratio:.2f}x of it (bound {BOUND:g}x), the first time {first / bare:.1f}x"
    )
    return 0 if ratio <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
