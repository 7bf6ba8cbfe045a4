"""What a notebook may take of the machine, and a check of the grader's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from grader.record import Frozen


class Times(Frozen):
    """Seconds that a cell, and all cells together, may take."""

    cell_s: Annotated[float, Field(gt=0)]
    total_s: Annotated[float, Field(gt=0)]


class Budget(Frozen):
    """What a notebook may take: memory of all its processes, output of a cell, what it writes, processes, time.

    `check_s` and `check_mb` are the grader's own: what a check may take, not counting that it waits for answers.
    """

    memory_mb: Annotated[int, Field(gt=0)] = 4000
    output_mb: Annotated[float, Field(gt=0)] = 5
    files_mb: Annotated[float, Field(gt=0)] = 200
    files: Annotated[int, Field(gt=0)] = 5000
    processes: Annotated[int, Field(gt=0)] = 200
    answer_s: Annotated[float, Field(gt=0)] = 30
    check_s: Annotated[float, Field(gt=0)] = 60
    check_mb: Annotated[int, Field(gt=0)] = 2000
    cpu: Times = Times(cell_s=120, total_s=300)
    gpu: Times = Times(cell_s=120, total_s=300)

    def seconds(self, device: str) -> tuple[float, float]:
        """Seconds a cell and in all, on this device."""
        times = self.cpu if device == "cpu" else self.gpu
        return times.cell_s, times.total_s
