import pytest
from inc_config import ConfigError, Fault, IncError, errors


def test_an_error_says_what_where_and_fix():
    error = IncError("Unknown metric 'topk5'.", where="$.metric", fix="use topk with k: 5")
    assert str(error) == "Unknown metric 'topk5'.\n  where: $.metric\n  fix:   use topk with k: 5"
    assert (error.what, error.where, error.fix) == error.args


def test_every_error_class_is_an_inc_error():
    classes = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, Exception)]
    assert len(classes) > 10
    assert all(issubclass(cls, IncError) for cls in classes)


ONE = Fault(path="$.a", what="Wrong.", fix="mend it", line=3, column=5)
OTHER = Fault(path="$.b", what="Missing.", fix="add it")


@pytest.mark.parametrize(
    ("faults", "source", "text"),
    [
        ([OTHER], "", "Missing.\n  where: $.b\n  fix:   add it"),
        ([OTHER], "c.yaml", "Missing.\n  where: $.b in c.yaml\n  fix:   add it"),
        ([ONE], "c.yaml", "Wrong.\n  where: $.a in c.yaml, line 3, column 5\n  fix:   mend it"),
        (
            [ONE, OTHER],
            "c.yaml",
            "2 faults in c.yaml:\nWrong.\n  where: $.a, line 3, column 5\n  fix:   mend it\nMissing.\n  where: $.b\n  fix:   add it",
        ),
    ],
)
def test_faults_are_listed_with_their_places(faults, source, text):
    assert str(ConfigError(faults, source=source)) == text
