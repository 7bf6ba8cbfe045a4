"""The fixtures of a small class."""

from tests.batches import batch, exercise, folder, quick_batch

__all__ = ["batch", "exercise", "folder", "quick_batch"]
