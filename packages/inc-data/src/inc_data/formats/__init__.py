"""Readers of file formats, with nothing but numpy and the standard library. Files are untrusted: none is run, none is believed."""
