"""The 1.x document: one frozen class per section, with the keys of the file as fields."""
