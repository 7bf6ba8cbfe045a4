"""Tests of those who grade."""
