"""Tests of the formats of other platforms."""
