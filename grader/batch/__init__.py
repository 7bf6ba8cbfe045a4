"""A whole class: who handed in what, and grading it side by side."""
