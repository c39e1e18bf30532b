"""Text to the inputs of a BERT model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inc_data.faults import fault, whole_number
from inc_data.text.pieces import encode
from inc_data.text.wordpiece import WordPiece
from inc_data.transforms.protocol import ImageTransform


@dataclass(frozen=True)
class TextToIds(ImageTransform):
    """Turn a text, or a list of two, into a dict of input_ids, attention_mask and token_type_ids, each int64 of shape ``(max_length,)``.

    Args:
        vocab_file: BERT's ``vocab.txt``, read at first use; a relative path counts from the folder of the process, or of the saved recipe.
        max_length: ids per text; longer texts are cut, shorter ones padded.
        lower_case: as the model was trained.
    """

    vocab_file: str = "vocab.txt"
    max_length: int = 128
    lower_case: bool = True

    def __post_init__(self) -> None:
        whole_number(self.max_length, minimum=5, name="max_length", where="TextToIds")

    @cached_property
    def tokenizer(self) -> WordPiece:
        """The tokenizer of the vocabulary."""
        return WordPiece(self.vocab_file, lower_case=self.lower_case)

    def apply(self, image: Any) -> Any:
        """Return the model's inputs."""
        texts = [image] if isinstance(image, str) else image
        if not isinstance(texts, list) or not 1 <= len(texts) <= 2 or not all(isinstance(text, str) for text in texts):
            raise TypeError(
                fault(
                    f"Expected a text or a list of two, got {type(image).__name__}.",
                    where="TextToIds",
                    fix="pass 'text' or ['first', 'second']",
                )
            )
        return encode(self.tokenizer, texts[0], texts[1] if len(texts) == 2 else None, length=self.max_length)._asdict()
