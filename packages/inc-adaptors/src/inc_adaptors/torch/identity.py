"""What a module is: its fingerprint and its size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import torch
from torch import nn


def fingerprint(model: nn.Module) -> str:
    """SHA-256 over module types and settings, and names, types, shapes and values of parameters and buffers."""
    digest = hashlib.sha256()
    for path, module in model.named_modules():
        digest.update(f"module {path}: {type(module).__module__}.{type(module).__qualname__}({module.extra_repr()})\n".encode())
    for name, tensor in _named(model):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"tensor {name}: {plain.dtype} {tuple(plain.shape)}\n".encode())
        digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _named(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from model.named_parameters(remove_duplicate=False)
    yield from model.named_buffers(remove_duplicate=False)


def size_bytes(model: nn.Module) -> int:
    """Bytes of parameters and buffers, shared ones counted once."""
    return sum(tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers()))
