"""A second view of a module: its own structure and modes, the same weights in memory."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn


def evaluation_view(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode that shares every parameter and buffer with ``model``, whose modes stay as they are."""
    memo: dict[int, Any] = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, memo).eval()
