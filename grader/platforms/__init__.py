"""Grades in the formats of Moodle, Canvas, Gradescope, JUnit and GitHub."""
