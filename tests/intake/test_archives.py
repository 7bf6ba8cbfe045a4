"""Archives that mean harm."""

from __future__ import annotations

import io
import lzma
import os
import re
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.intake import archives, pieces
from tests.conftest import listing
from tests.intake.handed import (
    Find,
    book,
    companions,
    member,
    of_files,
    put,
    raw_zip,
    remarks,
    source,
    students,
    tarred,
    text,
    zipped,
)


def bomb(path: Path, megabytes: int, name: str = "small.ipynb") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as file:
        for _ in range(megabytes):
            file.write(bytes(1_000_000))
    return path


def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SUBMISSION_BYTES", 2_000_000)
    monkeypatch.setattr(archives, "CLASS_BYTES", 5_000_000)


def link_in_zip(name: str, target: str) -> tuple[zipfile.ZipInfo, str]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, target


def hostile(kind: str, path: Path) -> Path:
    """An archive of the kind, with a good notebook in front."""
    path = path.with_suffix(".tar" if kind.startswith("tar") else ".tar.gz" if kind.startswith("gz") else ".zip")
    good = {"small.ipynb": book()}
    slips = {"slip": "../evil.txt", "absolute": "/tmp/evil.txt", "drive": "C:\\evil.txt", "back": "a\\..\\..\\evil.txt"}
    if kind in slips:
        zipped(path, good)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(zipfile.ZipInfo(slips[kind]), b"evil")
    elif kind == "tar slip":
        tarred(path, of_files(good | {"../evil.txt": b"evil"}))
    elif kind == "tar absolute":
        tarred(path, of_files(good | {"/tmp/evil.txt": b"evil"}))
    elif kind == "encrypted":
        put(path, raw_zip([(b"small.ipynb", book())], flags=1))
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "noise":
        put(path, b"PK\x03\x04" + bytes(range(256)) * 4)
    elif kind == "truncated":
        path.write_bytes(zipped(path, good).read_bytes()[:-40])
    elif kind == "wrong checksum":
        raw = bytearray(raw_zip([(b"small.ipynb", book())]))
        raw[60] ^= 1
        path.write_bytes(raw)
    elif kind in ("tar truncated", "gz truncated"):
        content = os.urandom(40_000)
        path.write_bytes(tarred(path, [(member("small.ipynb", content), content)]).read_bytes()[:20_000])
    elif kind == "tar backwards":  # a size below zero, which would read the same header for ever
        info = member("small.ipynb")
        raw = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        raw[124:136] = (-512).to_bytes(12, "big", signed=True)
        raw[148:156] = b" " * 8
        raw[148:156] = b"%06o\0 " % sum(raw)
        path.write_bytes(bytes(raw) * 3)
    elif kind == "tar long name":  # its name alone takes all memory
        info = member("././@LongLink", kind=tarfile.GNUTYPE_LONGNAME)
        info.size = 17_000_000
        path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(18_000_000))
    elif kind == "tar names of names":  # each header is read within the one before
        raw = b"".join(
            [member("././@LongLink", b"a", tarfile.GNUTYPE_LONGNAME).tobuf(tarfile.GNU_FORMAT) + bytes(512)] * 3000
        )
        path.write_bytes(raw + bytes(1024))
    else:
        raise AssertionError(kind)
    return path


HOSTILE = {
    "slip": "leads out of the folder",
    "absolute": "leads out of the folder",
    "drive": "leads out of the folder",
    "back": "leads out of the folder",
    "tar slip": "leads out of the folder",
    "tar absolute": "leads out of the folder",
    "encrypted": "locked with a password",
    "empty": "is damaged",
    "noise": "is damaged",
    "truncated": "is damaged",
    "wrong checksum": "is damaged",
    "tar truncated": "is damaged",
    "gz truncated": "is damaged",
    "tar backwards": "is damaged",
    "tar long name": "contents is too long",
    "tar names of names": "is damaged",
}


@pytest.mark.parametrize(("kind", "said"), HOSTILE.items(), ids=HOSTILE)
def test_a_bad_archive_harms_nobody_else(top: Path, find_in: Find, tmp_path: Path, kind: str, said: str) -> None:
    hostile(kind, top / "alice")
    zipped(top / "bob.zip", {"small.ipynb": book()})
    before = listing(tmp_path)
    found = find_in(top)
    assert students(found) == ["bob"]
    assert remarks(found) == [("alice", "refused")]
    assert said in text(found, "alice", "refused")
    new = sorted(set(listing(tmp_path)) - set(before))
    assert all(re.fullmatch(r"into(/students(/(alice|bob)(/1(/archive-1(/small.ipynb)?)?)?)?)?", name) for name in new)
    assert not any("alice/1/archive" in name for name in new)
    assert not Path("/tmp/evil.txt").exists()


@pytest.mark.parametrize(("kind", "said"), HOSTILE.items(), ids=HOSTILE)
def test_a_bad_archive_of_the_class(top: Path, find_in: Find, kind: str, said: str) -> None:
    path = hostile(kind, top / "class")
    with pytest.raises(UsageError) as caught:
        find_in(path)
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert "evil.txt" not in str(listing(top.parent))


def test_links_and_special_files_are_left_out(top: Path, find_in: Find, tmp_path: Path) -> None:
    secret = put(tmp_path / "secret.ipynb", book("secret"))
    with zipfile.ZipFile(top / "alice.zip", "w") as archive:
        archive.writestr(*link_in_zip("small.ipynb", str(secret)))
    tarred(
        top / "bob.tar",
        [
            (member("small.ipynb", kind=tarfile.SYMTYPE, target=str(secret)), b""),
            (member("hard.ipynb", kind=tarfile.LNKTYPE, target="../../../../secret.ipynb"), b""),
            (member("pipe.ipynb", kind=tarfile.FIFOTYPE), b""),
            (member("device.ipynb", kind=tarfile.CHRTYPE), b""),
            (member("way", kind=tarfile.SYMTYPE, target=str(tmp_path)), b""),
            (member("way/through.txt", b"evil"), b"evil"),
            (member("mine.ipynb", book("mine")), book("mine")),
        ],
    )
    found = find_in(top)
    assert students(found) == ["bob"]
    assert source(found, "bob") == "mine"
    assert remarks(found) == [("alice", "refused")] + [("bob", "refused")] * 5
    assert "small.ipynb is a link or a special file" in text(found, "bob", "refused")
    assert companions(found, "bob") == ["way", "way/through.txt"]
    assert not (tmp_path / "through.txt").exists()
    assert not any(path.is_symlink() for path in (tmp_path / "into").rglob("*"))


def test_links_in_the_archive_of_the_class_are_told_to_whose_they_are(top: Path, find_in: Find) -> None:
    path = tarred(
        top / "class.tar",
        [
            *of_files({"all/alice/small.ipynb": book(), "all/bob/small.ipynb": book(), "all/notes.txt": b""}),
            (member("all/alice/link", kind=tarfile.SYMTYPE, target="/etc"), b""),
            (member("all/carol/small.ipynb", kind=tarfile.SYMTYPE, target="../bob/small.ipynb"), b""),
            (member("all/link.txt", kind=tarfile.SYMTYPE, target="/etc/passwd"), b""),
        ],
    )
    found = find_in(path)
    assert students(found) == ["alice", "bob"]
    told = [("", "ignored"), ("", "refused"), ("alice", "refused"), ("carol", "refused")]
    assert [one for one in remarks(found) if one[1] != "missing"] == told


def test_bombs(top: Path, find_in: Find, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    bomb(top / "alice.zip", 4)
    zeros = bytes(1_000_000)
    tarred(top / "bob.tar.xz", [(member(f"{n}.bin", zeros), zeros) for n in range(4)])
    put(top / "carol.ipynb")
    found = find_in(top)
    assert students(found) == ["carol"]
    assert remarks(found) == [("alice", "refused"), ("bob", "refused")]
    assert "unpacks to more than 2.0 MB" in text(found, "alice", "refused")
    assert sum(path.stat().st_size for path in (tmp_path / "into").rglob("*") if path.is_file()) < 10_000


def test_a_lie_about_the_size_is_no_way_around(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    raw = bytearray(bomb(top / "alice.zip", 4).read_bytes())
    size = struct.pack("<I", 4_000_000)
    assert raw.count(size) >= 1
    (top / "alice.zip").write_bytes(bytes(raw).replace(size, struct.pack("<I", 1000)))
    put(top / "bob.ipynb")
    found = find_in(top)
    assert students(found) == ["bob"]
    assert remarks(found) == [("alice", "refused")]


def test_refused_archives_take_no_room_from_others(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    for name in "abcdefgh":
        bomb(top / f"{name}.zip", 3)
    zipped(top / "z.zip", {"small.ipynb": book(), "a.bin": bytes(1_900_000)})
    assert students(find_in(top)) == ["z"]


def test_nobody_takes_the_room_of_others(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    for name in "abcde":
        zipped(top / f"{name}.zip", {"small.ipynb": book(), "a.bin": bytes(1_900_000)})
    assert students(find_in(top)) == list("abcde")


def test_twenty_thousand_empty_files_are_their_authors_affair(top: Path, find_in: Find) -> None:
    zipped(top / "Aaron Aas" / "hand-in.zip", {f"junk/{n}": b"" for n in range(19_996)} | {"small.ipynb": book()})
    for name in ("Bea", "Cyd", "Dan"):
        zipped(top / name / "hand-in.zip", {"small.ipynb": book()})
    found = find_in(top)
    assert students(found) == ["Aaron Aas", "Bea", "Cyd", "Dan"]
    assert found.remarks == ()


def test_several_archives_of_one_student_share_their_room(
    top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    for number in range(3):
        zipped(top / "alice" / f"{number}.zip", {f"{number}.ipynb": book(), "a.bin": bytes(900_000)})
    zipped(top / "bob" / "hand-in.zip", {"small.ipynb": book()})
    found = find_in(top)
    assert students(found) == ["alice", "bob"]
    assert "2.zip is not unpacked" in text(found, "alice", "refused")


def test_what_goes_along_with_no_notebook_is_not_kept(
    top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "COMPANIONS_MAX_BYTES", 100)
    files = {"small.ipynb": book(), "beside.txt": bytes(80), "large.bin": bytes(200), "else/where.txt": bytes(10)}
    zipped(top / "alice.zip", files | {"else/more.txt": bytes(50)})
    (one,) = find_in(top).submissions
    kept = {path.name for path in one.path.parent.rglob("*") if path.is_file()}
    assert kept == {"small.ipynb", "beside.txt", "where.txt"}


def test_in_the_archive_of_the_class_too_limits_are_each_ones_own(
    top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "SUBMISSION_ENTRIES", 10)
    files = {f"Ann_{n}_assignsubmission_file_/small.ipynb": book() for n in (1, 3)}
    files |= {f"Bob_2_assignsubmission_file_/{n}.txt": b"" for n in range(30)}
    files["Bob_2_assignsubmission_file_/small.ipynb"] = book()
    found = find_in(zipped(top / "class.zip", files))
    assert students(found) == ["Ann_1", "Ann_3"]
    assert "only the first 10 files" in text(found, "Bob", "ignored")


def test_bombs_in_the_archive_of_the_class(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limits(monkeypatch)
    files = {"x/alice/small.ipynb": bytes(2_500_000), "x/alice/notes.txt": b"", "x/bob/small.ipynb": book()}
    files |= {"x/carol/small.ipynb": book(), "x/carol/1": bytes(1_500_000), "x/carol/2": bytes(1_500_000)}
    found = find_in(zipped(top / "class.zip", files))
    assert students(found) == ["bob"]
    assert ("alice", "refused") in remarks(found)
    assert ("carol", "refused") in remarks(found)
    files |= {f"x/dave/{n}": bytes(1_500_000) for n in range(3)}
    (top.parent / "into").rename(top.parent / "before")
    with pytest.raises(UsageError, match=r"unpacks to more than 5\.0 MB"):
        find_in(zipped(top / "class.zip", files))


def test_as_many_entries_as_may_be(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SUBMISSION_ENTRIES", 10)
    monkeypatch.setattr(archives, "CLASS_ENTRIES", 10)
    files = {f"{n}.txt": b"" for n in range(9)} | {"small.ipynb": book()}
    zipped(top / "alice.zip", files | {"one-too-many": b""})
    zipped(top / "bob.zip", files)
    zipped(top / "carol.zip", {"small.ipynb": book()})
    found = find_in(top)
    assert students(found) == ["bob", "carol"]  # limits are each one's own
    assert remarks(found) == [("alice", "refused")]
    with pytest.raises(UsageError, match="over 10 files"):
        find_in(top / "alice.zip")


def test_of_a_tar_nothing_is_skipped_beyond_what_may_be(top: Path, find_in: Find) -> None:
    info = member("large.bin", kind=tarfile.GNUTYPE_SPARSE)
    info.size = 10_000_000_000
    with lzma.open(top / "alice.tar.xz", "wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    put(top / "bob.ipynb")
    found = find_in(top)
    assert students(found) == ["bob"]
    assert "unpacks to more than may be" in text(found, "alice", "refused")


def test_nothing_is_unpacked_twice() -> None:
    """A packed file that is gone back in starts again from its beginning, for every entry that asks for it."""
    measured = archives._Measured(io.BytesIO(bytes(5000)), forward=4000)
    measured.seek(2000)
    measured.seek(2000)
    for offset in (1999, 0, 4001):
        with pytest.raises(archives.ArchiveRefused):
            measured.seek(offset)


def test_a_list_of_contents_without_end(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives._Measured, "_PIECE", 100_000)
    zipped(top / "alice.zip", {f"{n:0200}.txt": b"" for n in range(500)})
    put(top / "bob.ipynb")
    found = find_in(top)
    assert "list of contents is too long" in text(found, "alice", "refused")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice(top: Path, find_in: Find) -> None:
    for student, years in (("alice", (2024, 2020)), ("bob", (2020, 2024)), ("carol", (2020, 2020))):
        with zipfile.ZipFile(top / f"{student}.zip", "w") as archive:
            for number, year in enumerate(years):
                info = zipfile.ZipInfo("small.ipynb", (year, 1, 1, 0, 0, 0))
                archive.writestr(info, book(f"{year}-{number}"))
    tarred(top / "dave.tar", of_files({"small.ipynb": book(), "a": b"", "a/b": b"", "c/d": b"", "c": b""}))
    found = find_in(top)
    assert [source(found, name) for name in ("alice", "bob", "carol")] == ["2024-0", "2024-1", "2020-1"]
    expected = [(name, "duplicate") for name in ("alice", "bob", "carol")] + [("dave", "ignored")] * 2
    assert remarks(found) == expected


@pytest.mark.parametrize(
    "name",
    [
        "\x1b[31mred\x1b[0m",
        "ali\u202eecila",
        "two\nlines",
        "tab\tbell\x07",
        "nul\x00byte",
        'a:b*c?"d"<e>|',
        "CON",
        "aux.h",
        "x" * 300,
        "ä" * 200,
        "dot.",
        "~",
        "-rf",
        "$(touch evil)",
    ],
)
@pytest.mark.parametrize("packer", ["zip", "tar"])
def test_odd_names(top: Path, find_in: Find, tmp_path: Path, name: str, packer: str) -> None:
    if packer == "zip":
        entries = [(f"x/{name}/small.ipynb", book()), ("x/bob/small.ipynb", book()), (f"x/bob/{name}", b"x")]
        path = put(top / "a.zip", raw_zip([(one.encode(), content) for one, content in entries], 0x800))
    else:
        name = name.replace("\x00", "\x01")  # a tar's names end at a NUL
        files = {f"x/{name}/small.ipynb": book(), "x/bob/small.ipynb": book(), f"x/bob/{name}": b"x"}
        path = tarred(top / "a.tar", of_files(files))
    found = find_in(path)
    assert len(found.submissions) == 2
    assert found.remarks == ()
    assert len(companions(found, "bob")) == 1
    for written in (*listing(tmp_path / "into"), *map(str, students(found))):
        assert written.isprintable()
        assert not set(written) & set('<>:"|?*\\')
        assert all(len(part.encode()) <= 255 and part not in ("CON", "aux.h") for part in written.split("/"))


def test_names_that_are_no_unicode(top: Path, find_in: Find) -> None:
    tarred(top / "class.tar", of_files({os.fsdecode(name): book() for name in (b"a\xe4/a.ipynb", b"a\xf6/a.ipynb")}))
    found = find_in(top / "class.tar")
    assert len(set(students(found))) == 2
    for one in found.submissions:
        str(one.student).encode()


def test_deep_folders_are_left_out(top: Path, find_in: Find) -> None:
    zipped(top / "alice.zip", {"small.ipynb": book(), "a/" * 21 + "b": b"", "/".join(["c" * 150] * 10): b""})
    found = find_in(top)
    assert students(found) == ["alice"]
    assert remarks(found) == [("alice", "refused"), ("alice", "refused")]
    assert companions(found, "alice") == []


def test_a_full_disk_is_nobody_s_archive(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    zipped(top / "alice.zip", {"small.ipynb": book()})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "utime", full)
    with pytest.raises(UsageError, match="No space left on device"):
        find_in(top)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_archive_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    for start in (b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00"):
        path = folder / "a.zip"
        path.write_bytes(start + content)
        target = folder / f"into-{len(start)}"
        try:
            archives.unpack(path, target, archives.Room())
        except archives.ArchiveRefused:
            assert not target.exists()


def test_what_is_packed_twice_over_is_found(top: Path, find_in: Find) -> None:
    inner = zipped(top.parent / "work.zip", {"a/small.ipynb": book("x = 1")}).read_bytes()
    zipped(top / "alice.zip", {"Download/work.zip": inner})
    zipped(top / "bob" / "bob.zip", {"work.zip": inner, "mine/small.ipynb": book("x = 2")})
    found = find_in(top)
    assert students(found) == ["alice", "bob"]
    assert (source(found, "alice"), source(found, "bob")) == ("x = 1", "x = 2")
    assert found.remarks == ()
    (alice, _) = found.submissions
    assert alice.place.endswith("alice.zip/Download/work.zip/a/small.ipynb")


def test_what_is_packed_three_times_over_is_told(top: Path, find_in: Find) -> None:
    packed = book()
    for name in ("small.ipynb", "work.zip", "all.zip"):
        packed = zipped(top.parent / "next.zip", {name: packed}).read_bytes()
    put(top / "alice.zip", packed)
    zipped(top / "bob.zip", {"small.ipynb": book()})
    found = find_in(top)
    assert students(found) == ["bob"]
    assert "all.zip/work.zip is packed for the third time" in text(found, "alice", "ignored")


def test_archives_in_archives_share_the_room_of_their_student(
    top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limits(monkeypatch)
    inner = bomb(top.parent / "bomb.zip", 1, "a.ipynb").read_bytes()
    zipped(top / "alice.zip", {f"{n}.zip": inner for n in range(30)})
    zipped(top / "bob.zip", {"small.ipynb": book()})
    found = find_in(top)
    assert "29.zip is not unpacked" in text(found, "alice", "refused")
    assert "bob" in students(found)


@pytest.mark.parametrize("loose", [True, False])
def test_the_export_of_a_class_may_be_packed_once_more(top: Path, find_in: Find, loose: bool) -> None:
    export = {f"{name}_{n}_assignsubmission_file_/small.ipynb": book() for n, name in enumerate(("Ann", "Bob"), 1)}
    inner = zipped(top / "export.zip", export)
    whole = top if loose else zipped(top.parent / "mailed.zip", {"export.zip": inner.read_bytes()})
    assert students(find_in(whole)) == ["Ann", "Bob"]


def test_an_archive_that_holds_itself_ends(top: Path, find_in: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as anybody looks: each level has an archive of a class within."""
    packed = zipped(top.parent / "0.zip", {"Ann_1_assignsubmission_file_/small.ipynb": book()}).read_bytes()
    for n in range(1, 5):
        entries = {f"{n}.zip": packed}
        packed = zipped(top.parent / f"{n}.zip", entries).read_bytes()
    monkeypatch.setattr("grader.intake.collect.names", lambda *_: iter(["Ann_1_assignsubmission_file_/small.ipynb"]))
    found = find_in(put(top / "class.zip", packed))
    assert students(found) == []
    assert "packed for the third time" in " ".join(one.text for one in found.remarks)
