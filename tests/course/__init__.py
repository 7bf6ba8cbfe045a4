"""Tests of a whole course."""
