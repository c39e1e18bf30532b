import pytest
from inc_config import BF16, INT8, UINT8, IntegerType
from inc_config.dtypes import parse_dtype


@pytest.mark.parametrize(
    ("bits", "signed", "qmin", "qmax", "name"),
    [
        (8, True, -128, 127, "int8"),
        (8, False, 0, 255, "uint8"),
        (4, True, -8, 7, "int4"),
        (2, True, -2, 1, "int2"),
        (3, False, 0, 7, "uint3"),
        (16, True, -32768, 32767, "int16"),
        (16, False, 0, 65535, "uint16"),
    ],
)
def test_codes_and_names_of_integer_types(bits, signed, qmin, qmax, name):
    dtype = IntegerType(bits, signed=signed)
    assert (dtype.qmin, dtype.qmax, str(dtype)) == (qmin, qmax, name)
    assert parse_dtype(name) == dtype


def test_common_types_have_names():
    assert (str(INT8), str(UINT8), str(BF16)) == ("int8", "uint8", "bf16")
    assert parse_dtype("bf16") is BF16
