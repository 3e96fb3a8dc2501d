"""Artifacts come by their lock or not at all."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sandbox.artifacts import Artifact, ArtifactError, Bundle, fetch

GROUP, VERSION = "org.example", "1.0"


def line(name, content, packaging="jar", classifier=""):
    digest = hashlib.sha256(content).hexdigest()
    return f"{GROUP}:{name}:{VERSION}:{packaging}:{classifier} {digest} {len(content)}"


def put(repository, name, content, packaging="jar", classifier=""):
    folder = repository / "org" / "example" / name / VERSION
    folder.mkdir(parents=True)
    suffix = f"-{classifier}" if classifier else ""
    (folder / f"{name}-{VERSION}{suffix}.{packaging}").write_bytes(content)
    return line(name, content, packaging, classifier)


def packed(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    return folder


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def get(bundle, cache, repository):
    return fetch([bundle], cache=cache, local_repositories=[repository])[0]


def test_what_the_lock_names_is_put_into_the_bundles_folder(repository, cache):
    lock = "\n".join(["# a comment", put(repository, "one", b"1"), put(repository, "two", b"22", "jar", "linux"), ""])

    folder = get(Bundle("parts", lock), cache, repository)

    assert folder.parent == cache
    assert (folder / "one-1.0.jar").read_bytes() == b"1"
    assert (folder / "two-1.0-linux.jar").read_bytes() == b"22"


def test_another_sha256_than_the_locks_is_refused_and_nothing_is_left_to_use(repository, cache):
    put(repository, "one", b"tampered")
    bundle = Bundle("parts", line("one", b"original"))

    with pytest.raises(ArtifactError) as raised:
        get(bundle, cache, repository)

    assert raised.value.message == (
        f"one-1.0.jar is refused: its sha256 is {hashlib.sha256(b'tampered').hexdigest()}, "
        f"the lock says {hashlib.sha256(b'original').hexdigest()}"
    )
    assert not bundle.folder(cache).exists()


def test_what_was_verified_before_a_failure_is_kept_for_the_next_try(repository, cache):
    good, bad = put(repository, "good", b"good"), line("bad", b"bad")
    put(repository, "bad", b"worse")
    bundle = Bundle("parts", f"{good}\n{bad}")
    with pytest.raises(ArtifactError):
        get(bundle, cache, repository)
    stored = repository / "org" / "example"
    (stored / "good" / VERSION / "good-1.0.jar").write_bytes(b"gone bad since")
    (stored / "bad" / VERSION / "bad-1.0.jar").write_bytes(b"bad")

    folder = get(bundle, cache, repository)

    assert (folder / "good-1.0.jar").read_bytes() == b"good"


def test_a_second_use_needs_no_repository(repository, cache, tmp_path):
    bundle = Bundle("parts", put(repository, "one", b"1"))
    folder = get(bundle, cache, repository)

    assert get(bundle, cache, tmp_path / "nowhere") == folder


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"cut")])
def test_a_folder_that_lacks_a_file_or_holds_half_of_it_is_made_again(repository, cache, damage):
    bundle = Bundle("parts", put(repository, "one", b"content"))
    damage(get(bundle, cache, repository) / "one-1.0.jar")

    assert (get(bundle, cache, repository) / "one-1.0.jar").read_bytes() == b"content"


def test_another_lock_has_another_folder(repository, cache):
    one = Bundle("parts", put(repository, "one", b"1"))
    two = Bundle("parts", put(repository, "two", b"2"))

    assert get(one, cache, repository) != get(two, cache, repository)


def test_an_archive_is_kept_unpacked(repository, cache):
    archive = packed({"app/run.jar": b"run", "lib/a.jar": b"a"})

    folder = get(Bundle("app", put(repository, "app", archive, "tar.gz", "all")), cache, repository)

    assert (folder / "app" / "run.jar").read_bytes() == b"run"
    assert not list(folder.glob("*.tar.gz"))


def link(target):
    entry = tarfile.TarInfo("link")
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry


@pytest.mark.parametrize("entry", [tarfile.TarInfo("../outside"), tarfile.TarInfo("/tmp/outside"), link("/etc")])
def test_an_archive_with_anything_but_files_inside_its_folder_is_refused(repository, cache, entry):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(entry)
    bundle = Bundle("app", put(repository, "app", buffer.getvalue(), "tar.gz"))

    with pytest.raises(ArtifactError, match=r"app-1\.0\.tar\.gz is refused: it holds '.*(outside|link)'"):
        get(bundle, cache, repository)

    assert not bundle.folder(cache).exists()
    assert not (cache / "outside").exists()


def test_an_archive_that_is_none_is_refused(repository, cache):
    with pytest.raises(ArtifactError, match=r"app-1\.0\.tar\.gz can't be unpacked"):
        get(Bundle("app", put(repository, "app", b"no archive", "tar.gz")), cache, repository)


def test_two_runs_at_once_both_end_up_with_all_of_it(repository, cache):
    names = [f"part{number}" for number in range(20)]
    lock = "\n".join(put(repository, name, name.encode() * 10_000) for name in names)
    code = (
        "import sys, json; from pathlib import Path; from sandbox.artifacts import Bundle, fetch;"
        "lock, cache, repository = json.load(sys.stdin);"
        "folder, = fetch([Bundle('parts', lock)], cache=Path(cache), local_repositories=[Path(repository)]);"
        "print(len(list(folder.glob('*.jar'))))"
    )
    given = json.dumps([lock, str(cache), str(repository)])
    with (
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one,
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as two,
    ):
        for process in (one, two):
            process.stdin.write(given)
            process.stdin.close()

        assert [process.stdout.read() for process in (one, two)] == ["20\n", "20\n"]


def test_a_cache_that_can_t_be_written_is_named(repository, tmp_path):
    (tmp_path / "file").write_text("in the way", "utf-8")

    with pytest.raises(ArtifactError, match=f"the cache folder {tmp_path / 'file'} can't be used") as raised:
        get(Bundle("parts", put(repository, "one", b"1")), tmp_path / "file", repository)

    assert "DROPCOPY_CACHE_DIR" in raised.value.hint


@pytest.mark.parametrize(
    "wrong", ["", "a:b:c:jar: 00 1", "a:b:c:jar " + 64 * "0" + " 1", "a:b:c:jar: " + 64 * "0" + " -1"]
)
def test_a_line_that_is_no_coordinate_with_sha256_and_size_is_refused(wrong):
    with pytest.raises(ArtifactError, match="no 'coordinate sha256 size'"):
        Artifact.parse(wrong)


@pytest.mark.parametrize(("name", "count"), [("kafka", 92), ("registry", 1)])
def test_the_committed_locks_name_each_file_once(name, count):
    names = [artifact.file_name for artifact in Bundle.locked(name).artifacts()]

    assert len(set(names)) == len(names) == count


def test_progress_in_a_pipe_is_plain_lines(repository, cache, capfd):
    get(Bundle("parts", put(repository, "one", b"1" * 3_000_000)), cache, repository)

    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == ["fetching parts, 3 MB", "fetching parts, 3 of 3 MB"]
