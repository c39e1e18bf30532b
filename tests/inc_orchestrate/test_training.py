from typing import Any

import pytest
from inc_config.errors import DataError, StepError
from inc_orchestrate import Training
from inc_orchestrate.training import as_training


def loop(model: Any, hooks: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 1}, "Training lacks loader, loss, optimizer"),
        ({"loader": [1], "loss": len, "optimizer": len}, "needs either epochs or steps"),
        ({"loader": [1], "loss": len, "optimizer": len, "epochs": 1, "steps": 1}, "needs either epochs or steps"),
        ({"loader": [1], "loss": len, "optimizer": len, "epochs": 0}, "epochs must be a whole number above 0, got 0"),
        ({"loop": loop, "steps": True}, "steps must be a whole number above 0, got True"),
        ({"loader": [1], "loss": len, "optimizer": "sgd", "epochs": 1}, "optimizer must be callable, got str"),
    ],
)
def test_what_is_missing_or_contradictory_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(StepError, match=message):
        Training(**arguments)


def test_the_length_of_a_training_is_known_where_the_loader_has_one() -> None:
    assert Training([1, 2, 3], len, len, epochs=4).total_steps == 12
    assert Training([1, 2, 3], len, len, steps=7).total_steps == 7
    assert Training(loop=loop).total_steps is None
    assert Training(iter([1]), len, len, epochs=1).total_steps is None


def test_data_for_one_pass_is_refused_for_several_epochs() -> None:
    (fault,) = Training(iter([1, 2]), len, len, epochs=2).faults()
    assert isinstance(fault, DataError)
    assert "can be read only once" in fault.what
    assert not Training(iter([1, 2]), len, len, epochs=1).faults()


def test_empty_data_and_what_is_no_data_are_refused() -> None:
    assert "empty" in Training([], len, len, epochs=1).faults()[0].what
    assert "cannot be iterated" in Training(3, len, len, epochs=1).faults()[0].what


def test_a_plain_function_is_the_users_own_loop() -> None:
    made = as_training(loop)
    assert made is not None
    assert made.loop is loop
    assert as_training(None) is None
    with pytest.raises(StepError, match="not a int"):
        as_training(3)  # type: ignore[arg-type]  # the point
