"""Running a notebook in a kernel that nobody has to trust, and asking it for plain values."""
