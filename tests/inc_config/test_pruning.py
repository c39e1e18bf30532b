"""What a user can ask of pruning."""

from __future__ import annotations

import pytest
from inc_config import PruneConfig
from inc_config.fields import FieldError


def test_an_override_that_is_no_override_is_refused_with_an_example() -> None:
    with pytest.raises(FieldError, match=r"overrides cannot hold .*nope") as caught:
        PruneConfig(overrides=[{"nope": 1}])
    assert "PruneOverride(include=" in caught.value.fix
