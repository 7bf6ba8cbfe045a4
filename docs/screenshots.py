"""Make the pictures in `docs/images` again: `make screenshots`.

A small class of people who do not exist hands in exercise 110, right and with the mistakes that the exercise knows,
and is graded for real, on the embedded sample. What its pages and the terminal then show is what the pictures show.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from grader.authoring import read_patches, read_reference  # noqa: E402
from grader.exercise import load  # noqa: E402
from grader.intake.names import folder_name  # noqa: E402
from grader.render.console import render  # noqa: E402
from grader.report import Report  # noqa: E402
from tests.browser.conftest import Driver, chromium, opened, scheme, settled, width  # noqa: E402

IMAGES = ROOT / "docs" / "images"
EXERCISE = "110"

# Who made which mistake; nobody of them exists. Without one it is the reference.
CLASS = {
    "Aino Lehtonen": "",
    "Ville Saarinen": "trained-too-briefly",
    "Elsa Nyström": "",
    "Onni Heikkilä": "forgotten-biases",
    "Noora Ahmadi": "forgotten-biases",
    "Emil Lindqvist": "last-batch-forgotten",
    "Hilla Rantanen": "softmax-in-the-model",
    "Leevi Koskinen": "",
    "Maija O'Brien": "no-optimizer-step",
    "Tuomas Järvi": "forgotten-biases",
}
SHOWN = "Ville Saarinen"
TERMINAL = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A report in the terminal</title>
<style>html {{ background: #16191d; }} body {{ display: inline-block; margin: 0; padding: 22px 28px; }}
pre {{ margin: 0; font: 15px/1.4 "DejaVu Sans Mono", monospace; }} {stylesheet}
body {{ color: #d8dde3; background: #16191d; }}</style><pre><code>{code}</code></pre></html>"""


def main() -> None:
    """Grade the class, open its pages, and take the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as temporary:
        folder = Path(temporary)
        results = graded(folder)
        student = results / "students" / folder_name(SHOWN)
        report = Report.model_validate_json((student / "report.json").read_bytes())
        (folder / "terminal.html").write_text(in_terminal(report), "utf-8")
        with chromium(folder / "profile") as browser:
            picture(browser, student / "feedback.html", "student.png", 1000, 1700)
            picture(browser, student / "feedback.html", "student-dark.png", 1000, 1700, dark=True)
            picture(browser, results / "index.html", "class.png", 1280, 900, whole=True)
            picture(browser, folder / "terminal.html", "terminal.png", 1000, 500, whole=True)


def graded(folder: Path) -> Path:
    """The class's results."""
    exercise = load(ROOT / "exercises" / EXERCISE)
    reference = read_reference(exercise)
    mistakes = {one.name: one for one in read_patches(exercise.solution_folder / "mistakes.toml", "mistake")}
    for student, mistake in CLASS.items():
        notebook = mistakes[mistake].apply(reference) if mistake else reference
        (folder / "in" / student).mkdir(parents=True)
        (folder / "in" / student / exercise.description.notebook).write_text(json.dumps(notebook), "utf-8")
    here = [str(ROOT / "exercises" / EXERCISE), str(folder / "in"), "-o", str(folder / "results")]
    command = [sys.executable, "-m", "grader.cli", "batch", *here, "--data", "sample", "--lang", "en"]
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode != 1:  # graded, and not everybody passed
        sys.exit(f"The class could not be graded: exit code {done.returncode}.")
    by_hand = [str(folder / "results"), "Maija O'Brien", "10", "--reason", "Put it right at the blackboard."]
    command = [sys.executable, "-m", "grader.cli", "override", *by_hand]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"LOGNAME": "teacher"}, check=True)
    return folder / "results"


def in_terminal(report: Report) -> str:
    """The report as a terminal of 80 columns shows it, as a page."""
    console = Console(
        record=True, width=80, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False
    )
    console.print(f"$ grade exercises/{EXERCISE}", style="bold")
    console.print(render(report, f"exercises/{EXERCISE}/.grade/110_mnist"))
    return console.export_html(code_format=TERMINAL, theme=SVG_EXPORT_THEME)


def picture(
    browser: Driver, page: Path, name: str, wide: int, high: int, *, dark: bool = False, whole: bool = False
) -> None:
    """Write a picture of the top of a page, or of all of it."""
    scheme(browser, "dark" if dark else "light")
    width(browser, wide, high)
    seen = opened(browser, page)
    if seen.console or seen.requests:
        sys.exit(f"{page.name} does not open cleanly: {seen}")
    if whole:
        size = "const box = document.body.getBoundingClientRect(); return [box.width, box.height].map(Math.ceil)"
        width(browser, *browser.execute_script(size))
        settled(browser)
    taken = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    # A third of the size; rare colours stay what they are only where all are looked at again (`kmeans`).
    taken.quantize(256, dither=Image.Dither.NONE, kmeans=1).save(IMAGES / name, optimize=True)
    print(f"Wrote docs/images/{name}, {(IMAGES / name).stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
