"""Tell an ONNX file by its first bytes, without a protobuf library."""

from __future__ import annotations

# Fields of ModelProto in onnx.proto: number -> wire type (0 varint, 2 length-delimited).
_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}


def looks_like_onnx(head: bytes) -> bool:
    """Whether ``head``, the first bytes of a file, reads as fields of a serialized ``ModelProto``.

    Source:
        protobuf encoding (varint keys ``number << 3 | wire_type``) and the field numbers of onnx.proto.
    """
    position = 0
    while position < len(head):
        key, position = _varint(head, position)
        if key is None:
            return position > len(head) - 10
        if _FIELDS.get(key >> 3) != key & 7:
            return False
        value, position = _varint(head, position)
        if value is None:
            return position > len(head) - 10
        if key & 7 == 2:
            position += value
    return len(head) > 0


def _varint(data: bytes, position: int) -> tuple[int | None, int]:
    """The number at ``position`` and the position after it; None where it is cut off or longer than 10 bytes."""
    value = 0
    for index in range(position, min(position + 10, len(data))):
        value |= (data[index] & 0x7F) << (7 * (index - position))
        if data[index] < 0x80:
            return value, index + 1
    return None, position
