"""The table of the notebook's devices, read."""

from __future__ import annotations

from typing import Any

from grader.checks import Run, expect, expect_keys, expect_number, listed, plain, tr

from .trainings import as_share, claimed_accuracy

Row = dict[str, float]


def rows(run: Run) -> dict[str, Row]:
    """The rows of `table` by the kind of device; accuracies from 0 to 1."""
    table = expect_keys(run.value("table"), (), "table")
    expect(bool(table), tr("`table` is empty."), tr("It has a row for each of your devices, the CPU at least."))
    return dict(_row(plain(str(device), 20), row) for device, row in table.items())


def _row(device: str, row: Any) -> tuple[str, Row]:
    kind = device.lower().partition(":")[0]
    unknown = tr("`table` has a row {name}.", name=repr(device))
    expect(kind in ("cpu", "cuda", "mps"), unknown, tr("Its keys are the names of devices."))
    its = f'table["{device}"]'
    expect_keys(row, ("epoch", "training", "accuracy"), its)
    found = {key: expect_number(row[key], f'`{its}["{key}"]`') for key in ("epoch", "training")}
    return kind, found | {"accuracy": as_share(claimed_accuracy(row["accuracy"], f'`{its}["accuracy"]`'))}


def devices_without(run: Run, found: dict[str, Row]) -> str:
    """Those of the notebook's `devices` that have no row, as one says it; "" if each has one."""
    present = run.value("devices") if run.has("devices") else []
    present = [one for one in present if isinstance(one, str)] if isinstance(present, list) else []
    return listed([plain(one, 20) for one in present if one.partition(":")[0] not in found])
