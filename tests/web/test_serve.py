"""`grade serve`, asked as a browser asks: who may, what is served, and that forms do what the commands do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, unquote

import psutil
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from starlette.testclient import TestClient

from grader.batch import comment as batch_comment
from grader.batch import override as batch_override
from grader.batch.pages import write_pages
from grader.grades.comments import load_comments
from grader.grades.overrides import load_history, load_overrides
from grader.grades.results import Results
from grader.intake.names import folder_name
from grader.web import places
from grader.web.app import make_app
from grader.web.guard import COOKIE, Keys
from tests.classes import HOSTILE, judged, write_class
from tests.render.test_classroom import of

HERE = "http://127.0.0.1:8123"
KEYS = Keys("token-of-tests", "cookie-of-tests", "form-of-tests", "path")
HOME = f"/{KEYS.path}/"
ADA = f"{HOME}students/ada/staff.html"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of three, two of them with the same wrong answer, and its pages."""
    wrong = ["passed", "failed", "passed", "passed"]
    of_all = of(judged("ada", wrong), judged("bob", wrong), judged("cleo", ["passed"] * 4))
    folder = write_class(tmp_path_factory.mktemp("class") / "results", of_all)
    write_pages(folder)
    return folder


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Path:
    """The class, for one test."""
    return Path(shutil.copytree(made, tmp_path / "results"))


@pytest.fixture
def stranger(results: Path) -> TestClient:
    """Somebody on this machine who has no cookie."""
    return asking(results)


def asking(results: Path) -> TestClient:
    return TestClient(make_app(results, KEYS), base_url=HERE, follow_redirects=False)


@pytest.fixture
def teacher(stranger: TestClient) -> TestClient:
    """Who came with the token."""
    assert stranger.get(f"/enter/{KEYS.token}").status_code == 200
    return stranger


def post(client: TestClient, address: str = ADA, origin: str | None = HERE, token: str = KEYS.form, **fields: str):  # type: ignore[no-untyped-def]
    headers = {} if origin is None else {"origin": origin}
    return client.post(address, data={"token": token, **fields}, headers=headers)


OVERRIDE = {"action": "override", "score": "3,5", "reason": "Right after all."}


# ---------------------------------------------------------------------- who may


def test_the_token_gives_a_cookie_that_is_kept_close(stranger: TestClient) -> None:
    answer = stranger.get(f"/enter/{KEYS.token}")
    told = answer.headers["set-cookie"].lower()
    assert "httponly" in told
    assert "samesite=strict" in told
    assert f"path={HOME}".lower() in told
    assert KEYS.token not in answer.text + told
    assert HOME in answer.text


@pytest.mark.parametrize("address", [HOME, ADA, f"{HOME}students/ada/feedback.html", "/", "/nothing"])
def test_without_the_cookie_nothing_is_shown_or_done(stranger: TestClient, results: Path, address: str) -> None:
    for given in ("", "x" * 43, KEYS.token, KEYS.form, "ä"):
        stranger.cookies.clear()
        headers = {"cookie": f"{COOKIE}={given}".encode()}
        assert stranger.get(address, headers=headers).status_code == 403
        done = stranger.post(address, data={"token": KEYS.form, **OVERRIDE}, headers=headers | {"origin": HERE})
        assert done.status_code == 403
    assert load_overrides(results) == {}


@pytest.mark.parametrize("token", ["", "x", "ä", KEYS.cookie, KEYS.form])
def test_a_wrong_token_gives_nothing(stranger: TestClient, token: str) -> None:
    answer = stranger.get(f"/enter/{quote(token)}")
    assert answer.status_code in (403, 404)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8123", "192.0.2.7", "[::1]:8123", ""])
def test_another_name_for_this_machine_is_refused(teacher: TestClient, host: str) -> None:
    for address in (HOME, f"/enter/{KEYS.token}"):
        assert teacher.get(address, headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    "origin", [None, "null", "http://127.0.0.1:9999", "http://evil.example", "https://127.0.0.1:8123"]
)
def test_forms_of_other_pages_do_nothing(teacher: TestClient, results: Path, origin: str | None) -> None:
    assert post(teacher, origin=origin, **OVERRIDE).status_code == 403
    assert load_overrides(results) == {}


def test_a_form_without_its_secret_does_nothing(teacher: TestClient, results: Path) -> None:
    for token in ("", "x", KEYS.token, KEYS.cookie, "ä"):
        assert post(teacher, token=token, **OVERRIDE).status_code == 403
    assert load_overrides(results) == {}


def test_other_sites_get_nothing_from_the_browser(teacher: TestClient) -> None:
    for site in ("cross-site", "same-site"):
        assert teacher.get(HOME, headers={"sec-fetch-site": site}).status_code == 403


def test_what_a_browser_may_do_is_said(teacher: TestClient) -> None:
    for address in (HOME, ADA, f"{ADA}?alone", "/nothing"):
        headers = teacher.get(address).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    assert "script-src" not in teacher.get(ADA).headers["content-security-policy"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_no_other_methods(teacher: TestClient, method: str) -> None:
    assert teacher.request(method, ADA, headers={"origin": HERE}).status_code == 405


# ---------------------------------------------------------------------- what is served


def test_pages_are_served_as_their_files_are(teacher: TestClient, results: Path) -> None:
    for name in ("", "index.html", "students/ada/feedback.html"):
        file = results / (name or "index.html")
        answer = teacher.get(HOME + name)
        assert (answer.status_code, answer.content) == (200, file.read_bytes())
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_within_its_forms_a_page_leads_nowhere_else(teacher: TestClient, results: Path) -> None:
    """What is within a frame may not show a page with forms; the links stand above the frame."""
    whole = (results / "students/ada/staff.html").read_text()
    (nav,) = re.findall(r'<nav class="around".*?</nav>\n', whole, re.DOTALL)
    assert teacher.get(f"{ADA}?alone").text == whole.replace(nav, "")
    around = teacher.get(ADA).text
    for address in re.findall('href="(.*?)"', nav):
        assert f'href="{address}"' in around


def test_of_a_class_alone_nothing_leads_to_its_course(teacher: TestClient, results: Path) -> None:
    """Its pages may be a course's; that is not served."""
    for name in ("course.json", "index.html"):
        (results.parent / name).write_text("{}")
    (results.parent / "people").mkdir()
    (results.parent / "people" / "ada.html").write_text("")
    write_pages(results)
    assert 'href="../index.html"' in (results / "index.html").read_text()
    assert "people/ada.html" in (results / "students/ada/staff.html").read_text()
    for name in ("index.html", "students/ada/staff.html", "students/ada/staff.html?alone"):
        text = teacher.get(HOME + name).text
        assert "people/" not in text
        assert 'href="../index.html"' not in text
        assert 'href="../../../index.html"' not in text


OUT = [
    *("grades.json", "overrides.json", "students/ada/report.json", "students/ada/executed.ipynb", "students/ada/"),
    *("students/ada/files/page.html", "../secret.html", "%2e%2e/secret.html", "..%2fsecret.html", "..%5csecret.html"),
    *("students/../index.html", "students/%2e%2e/index.html", "students/..%2f..%2fsecret/staff.html", "//index.html"),
    *("students/ada/feedback.html%00", "people/.hidden.txt", "class/../../secret.html", "%2fetc%2fpasswd", ".lock"),
    *("C:index.html", "students/Link/staff.html", "students/Link/feedback.html", "students/bob/feedback.html"),
]


def test_nothing_else_is_served(teacher: TestClient, results: Path) -> None:
    (results.parent / "secret.html").write_text("secret")
    (results / "students/ada/files").mkdir()
    (results / "students/ada/files/page.html").write_text("secret")
    elsewhere = results.parent / "secret"
    elsewhere.mkdir()
    for name in ("staff.html", "feedback.html"):
        (elsewhere / name).write_text("secret")
    (results / "students/Link").symlink_to(elsewhere)
    page = results / "students/bob/feedback.html"
    page.unlink()
    page.symlink_to(elsewhere / "feedback.html")
    for address in OUT:
        if "../" not in address:  # else the client itself asks for something else
            answer = teacher.get(HOME + address)
            assert (address, answer.status_code) == (address, 404)
            assert "secret" not in answer.text
        assert places.find(results, unquote(address)) is None


def test_a_page_that_is_no_file_stops_nothing(teacher: TestClient, results: Path) -> None:
    page = results / "students/bob/feedback.html"
    page.unlink()
    os.mkfifo(page)
    assert teacher.get(f"{HOME}students/bob/feedback.html").status_code == 404


# ---------------------------------------------------------------------- what forms do


def test_an_override_is_what_the_command_makes_of_it(teacher: TestClient, results: Path) -> None:
    answer = post(teacher, **OVERRIDE)
    assert (answer.status_code, answer.headers["location"]) == (303, ADA)
    assert load_overrides(results)["ada"].score == 3.5
    page = teacher.get(ADA).text
    assert "ada: 3.5 of 4 points, by hand." in page
    assert "ada: 3.5 of 4 points, by hand." not in teacher.get(ADA).text  # it is told once
    assert "Right after all." in teacher.get(f"{HOME}students/ada/feedback.html").text
    assert "Right after all." in (results / "gradebook.csv").read_text("utf-8")
    assert batch_override.history(results, "ada")[-1] in teacher.get(ADA).text
    post(teacher, action="undo")
    assert load_overrides(results) == {}
    assert [one.score for one in load_history(results)] == [3.5]
    assert "Right after all." not in teacher.get(f"{HOME}students/ada/feedback.html").text


def test_comments_points_and_rubric_items(teacher: TestClient, results: Path) -> None:
    check = Results(results).all(["ada"])["ada"].checks[1].name
    post(teacher, action="comment", check=check, text="A sign error only.", points="0.5", item="sign", same="yes")
    said = load_comments(results)
    assert [(one.student, one.check, one.points, one.item) for one in said.comments] == [
        ("ada", check, 0.5, "sign"),
        ("bob", check, 0.5, "sign"),
    ]
    post(teacher, f"{HOME}students/cleo/staff.html", action="comment", item="sign", check="", text="", points="")
    assert load_comments(results).comments[2].text == "A sign error only."
    assert "A sign error only." in teacher.get(f"{HOME}students/bob/feedback.html").text
    post(teacher, action="take back", number="1")
    assert [one.student for one in load_comments(results).comments] == ["bob", "cleo"]
    assert [one.id for one in load_comments(results).taken_back] == [1]
    page = teacher.get(ADA).text
    for line in batch_comment.told(results, "ada"):
        assert line in page


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"action": "override", "score": "ten", "reason": "Kept words."}, "is no number"),
        ({"action": "override", "score": "nan", "reason": "Kept words."}, "is no number"),
        ({"action": "override", "score": "-1", "reason": "Kept words."}, "That is no score."),
        ({"action": "override", "score": "3", "reason": " "}, "needs its reason"),
        ({"action": "undo"}, "was not given by hand"),
        ({"action": "comment", "text": " "}, "There is no comment."),
        ({"action": "comment", "text": "Kept words.", "check": "nothing"}, "has no check"),
        ({"action": "take back", "number": "9"}, "There is no comment 9."),
        ({"action": "delete everything"}, "Nothing that is known here"),
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(
    teacher: TestClient, results: Path, fields: dict[str, str], told: str
) -> None:
    answer = post(teacher, **fields)
    assert answer.status_code == 400
    assert told in answer.text
    assert ("Kept words." in answer.text) == ("Kept words." in fields.values())
    assert load_overrides(results) == {}
    assert load_comments(results).comments == []


def test_while_a_batch_writes_nothing_is_changed(teacher: TestClient, results: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from grader.grades.results import Results\n"
        "with Results(Path(sys.argv[1])).lock():\n    print(flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", program, str(results)], **pipes) as other:  # type: ignore[call-overload]
        other.stdout.readline()
        answer = post(teacher, **OVERRIDE)
        other.communicate()
    assert answer.status_code == 400
    assert "Another batch is writing" in answer.text
    assert "Right after all." in answer.text
    assert load_overrides(results) == {}


def test_a_form_has_its_limits(teacher: TestClient, results: Path) -> None:
    assert post(teacher, action="comment", text="x" * 200_000).status_code == 413
    assert post(teacher, **{f"f{n}": "" for n in range(30)}).status_code == 400
    assert teacher.post(ADA, content=b"token=%ff", headers={"origin": HERE}).status_code == 400
    assert post(teacher, HOME, **OVERRIDE).status_code == 405
    assert post(teacher, f"{HOME}students/Nobody/staff.html", **OVERRIDE).status_code == 404
    assert load_comments(results).comments == []


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(tmp_path: Path, name: str) -> None:
    results = write_class(tmp_path / "results", of(judged("ada", ["passed"]), judged(name, ["failed"], title=name)))
    write_pages(results)
    client = asking(results)
    client.get(f"/enter/{KEYS.token}")
    address = f"{HOME}students/{quote(folder_name(name))}/staff.html"
    assert post(client, address, action="override", score="1", reason=name).status_code == 303
    assert post(client, address, action="comment", text=name, item=name).status_code == 303
    page = client.get(address).text
    for raw in ("<script", "<img", "--><!--", "</title></style>"):
        assert raw not in page
    assert load_overrides(results).keys() == {name}


# ---------------------------------------------------------------------- batches at work, courses


def test_a_batch_at_work_is_seen(teacher: TestClient, results: Path) -> None:
    assert "refresh" not in teacher.get(HOME).headers
    report, index = results / "students/ada/report.json", results / "index.html"
    later = index.stat().st_mtime + 1
    os.utime(report, (later, later))
    assert teacher.get(HOME).headers["refresh"]
    index.unlink()
    answer = teacher.get(HOME)
    assert "3 results so far" in answer.text
    assert answer.headers["refresh"]


def test_a_courses_gradebook_follows(tmp_path: Path) -> None:
    course = tmp_path / "course"
    for exercise in ("100", "110"):
        write_pages(write_class(course / exercise, of(judged("ada", ["failed"] * 4))))
    client = asking(course)
    client.get(f"/enter/{KEYS.token}")
    assert post(client, f"{HOME}110/students/ada/staff.html", **OVERRIDE).status_code == 303
    assert load_overrides(course / "110").keys() == {"ada"}
    assert load_overrides(course / "100") == {}
    assert "3.5 of 4" in client.get(f"{HOME}people/ada.html").text
    for address in ("", "100/", "110/index.html", "110/students/ada/feedback.html"):
        assert client.get(HOME + address).status_code == 200
    assert client.get(f"{HOME}110/110/index.html").status_code == 404
    assert client.get(f"{HOME}110/people/ada.html").status_code == 404


# ---------------------------------------------------------------------- the command


def serving(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "grader.cli", "serve", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def test_the_command_serves_this_machine_alone_until_it_is_ended(results: Path) -> None:
    import httpx

    with serving(results) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().removeprefix("Open ").strip()
            with httpx.Client(trust_env=False) as client:
                home = client.get(address).text.partition("url=")[2].partition('"')[0]
                root = address.partition("/enter/")[0]
                assert root.startswith("http://127.0.0.1:")
                page = client.get(root + home)
            assert "Digits" in page.text
            listening = psutil.Process(process.pid).net_connections("inet")
            assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
            process.terminate()
            _, err = process.communicate(timeout=60)
            assert process.returncode == 143
            assert "Traceback" not in err
        finally:
            process.kill()


def test_where_there_is_nothing_to_serve(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "holds no results" in err


def test_without_the_framework_it_says_what_to_install(results: Path) -> None:
    program = (
        "import sys; sys.modules['starlette'] = None; sys.modules['uvicorn'] = None\n"
        f"sys.argv = ['grade', 'serve', {json.dumps(str(results))}]\n"
        "from grader.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "pip install 'grader[serve]'" in done.stderr
