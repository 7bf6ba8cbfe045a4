"""Tests of what was handed in."""
