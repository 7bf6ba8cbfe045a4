"""Notebooks in the formats that people hand in, each read into the same cells: what follows sees no difference."""
