"""Grades deep-learning notebooks: runs them in kernels that nobody has to trust, and judges what they compute."""

from typing import Any

# Set in the kernel of a notebook that is being graded, where the rest of the package is out of reach.
graded = False


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext grader`` in a notebook: gives it ``%grade``, which does nothing while the notebook is graded."""
    if graded:
        shell.register_magic_function(
            lambda _: print("This notebook is being graded: %grade has nothing to do here."), magic_name="grade"
        )
    else:
        from grader.magic import register

        register(shell)
