"""Assignments that were written for nbgrader or otter: read, kept as exercises of ours, their tests judged outside."""
