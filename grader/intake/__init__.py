"""What was handed in: found in the layouts of nbgrader, Moodle and Canvas, out of archives, with names and times."""
