"""Grades deep-learning notebooks: runs them in kernels that nobody has to trust, and judges what they compute."""
