"""Tests of attempts, rules and grades."""
