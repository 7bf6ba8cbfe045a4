"""From attempts to grades: what is kept of each, which counts by the teacher's rules, overrides, the gradebook."""
