"""Copies of a module: whole ones, and views with modes of their own over the same weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from inc_config.errors import ModelError
from torch import nn


def copied(model: nn.Module, instead: Mapping[int, Any] | None = None) -> nn.Module:
    """A deep copy, in which objects whose ``id`` is in ``instead`` are replaced.

    Raises:
        ModelError: the model holds what Python cannot copy.
    """
    try:
        return copy.deepcopy(model, dict(instead or {}))
    except (TypeError, RuntimeError, copy.Error) as error:
        raise ModelError(
            f"{type(model).__name__} cannot be copied: {str(error).splitlines()[0]}.",
            where="copy of the model",
            fix="keep files, locks and computed tensors out of its attributes (register tensors as buffers), or give it a __deepcopy__",
        ) from error


def evaluation_view(model: nn.Module) -> nn.Module:
    """A copy in evaluation mode that shares every parameter and buffer with ``model``, whose modes stay as they are."""
    return copied(model, {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}).eval()
