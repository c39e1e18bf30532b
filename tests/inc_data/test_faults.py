from __future__ import annotations

import numpy as np
import pytest
from inc_data.faults import fault, one_of, whole_number


def test_a_message_has_what_where_and_fix_on_three_lines():
    assert fault("Bad.", where="here", fix="mend it") == "Bad.\n  where: here\n  fix:   mend it"


def test_the_closest_name_is_suggested_in_any_case():
    assert one_of("imagefolder", ["Synthetic", "ImageFolder"]) == "one of ImageFolder, Synthetic; did you mean ImageFolder?"
    assert "did you mean" not in one_of("zzz", ["ImageFolder"])


def test_numpy_integers_are_whole_numbers_and_booleans_and_floats_are_not():
    assert whole_number(np.int64(3), minimum=1, name="n", where="here") == 3
    for wrong in (True, 3.0, "3", None):
        with pytest.raises(TypeError, match="n must be an integer"):
            whole_number(wrong, minimum=1, name="n", where="here")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        whole_number(0, minimum=1, name="n", where="here")
