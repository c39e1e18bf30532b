"""One call per batch, with the inputs checked and converted beforehand, so that what is timed is the framework."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from inc_adaptors.roles import Binds

from inc_bench.instances.opening import Opened

Call = Callable[[], object]


def bound_call(opened: Opened, batches: Sequence[Any], *, threads: int = 0, inter_op_threads: int | None = None) -> Call:
    """A call without arguments that runs the batches in turn; a plain function is returned as it is."""
    adaptor, handle = opened.adaptor, opened.handle
    if adaptor is None or handle is None:
        native: Call = opened.native
        return native
    if isinstance(adaptor, Binds):
        calls = adaptor.bind(handle, batches, threads=threads, inter_op_threads=inter_op_threads)
    else:
        predict = adaptor.predictor(handle, threads=threads)
        calls = tuple(partial(predict, batch) for batch in batches)
    if len(calls) == 1:
        return calls[0]
    turns = itertools.cycle(calls)

    def next_turn() -> object:
        return next(turns)()

    return next_turn
