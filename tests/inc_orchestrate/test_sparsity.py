import attrs
import numpy as np
import pytest
import torch
from inc_adaptors.detect import adaptor_for
from inc_config.frozen import FrozenMap
from inc_orchestrate.sparsity import sparsity_of
from torch import nn


def test_fractions_are_over_masked_prunable_and_all_weights() -> None:
    model = nn.Sequential(nn.Linear(4, 8, bias=False), nn.Linear(8, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
        model[0].weight[:, :3] = 0.0
    adaptor = adaptor_for(model)
    handle = adaptor.open(model)
    assert sparsity_of(adaptor, handle) is None  # no masks: nothing was pruned
    mask = np.ones((8, 4), dtype=bool)
    mask[:, :3] = False
    handle = attrs.evolve(handle, state=attrs.evolve(handle.state, masks=FrozenMap({"0.weight": mask})))
    found = sparsity_of(adaptor, handle)
    assert found is not None
    # 24 zeros of 32 masked numbers, of 32 + 16 prunable, of 32 + 16 + 2 in all.
    assert found.pruned == pytest.approx(24 / 32)
    assert found.prunable == pytest.approx(24 / 48)
    assert found.whole_model == pytest.approx(24 / 50)
    assert found.weights == (("0.weight", 0.75),)
