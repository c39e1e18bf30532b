"""The steps of a pipeline: configurations plus the live objects that no file can hold."""
