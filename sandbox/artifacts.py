"""The broker's and the registry's Java artifacts: fetched once, by exact coordinates, under a lock.

A lock file beside this module has one line an artifact: `group:name:version:packaging:classifier`,
its sha256 and its size in bytes. What is fetched is exactly that; anything with another sha256 is
refused. jgo knows where Maven artifacts come from; nothing is resolved.

All artifacts of one lock share a folder in the user's cache, named after the lock's content. The folder
appears in one step, by a rename, when all of it has been fetched and verified, so two runs at once
never see half of it; one of them fetches, the other waits. A later run trusts the folder when every file
is there with its size: hashing 200 MB at every start would cost more than it finds in a folder that is
the user's own.
"""

import fcntl
import hashlib
import json
import re
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

from tenacity import (
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_attempt,
    wait_exponential_jitter,
)

from dropcopy.errors import DropcopyError
from sandbox.progress import Progress
from sandbox.settings import SandboxSettings

__all__ = ["Artifact", "ArtifactError", "Bundle", "fetch"]

THREADS = 4
TRIES = 4
CONNECT_TIMEOUT_S = 30
MANIFEST = "manifest.json"


class ArtifactError(DropcopyError):
    """An artifact can't be had, or is not what the lock says."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One line of a lock."""

    group: str
    name: str
    version: str
    packaging: str
    classifier: str
    sha256: str
    size: int

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line of a lock.

        Raises:
            ArtifactError: it is no coordinate, sha256 and size.
        """
        found = re.fullmatch(r"([^: ]+):([^: ]+):([^: ]+):([^: ]+):([^: ]*) ([0-9a-f]{64}) (\d+)", line)
        if found is None:
            raise ArtifactError(f"a lock's line is no 'coordinate sha256 size': {line!r}")
        group, name, version, packaging, classifier, sha256, size = found.groups()
        return cls(
            group=group,
            name=name,
            version=version,
            packaging=packaging,
            classifier=classifier,
            sha256=sha256,
            size=int(size),
        )

    @property
    def file_name(self) -> str:
        """The name under which it is kept."""
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.name}-{self.version}{classifier}.{self.packaging}"


@dataclass(frozen=True)
class Bundle:
    """What one lock names; a `.tar.gz` among it is kept unpacked."""

    name: str
    lock: str

    @classmethod
    def locked(cls, name: str) -> Self:
        """Return the bundle of the lock file `<name>.lock` beside this module."""
        return cls(name, files("sandbox").joinpath(f"{name}.lock").read_text("utf-8"))

    def artifacts(self) -> list[Artifact]:
        """Return what the lock names, in its order."""
        return [Artifact.parse(line) for line in self.lock.splitlines() if line and not line.startswith("#")]

    def folder(self, cache: Path) -> Path:
        """Return where in `cache` the bundle is kept."""
        return cache / f"{self.name}-{hashlib.sha256(self.lock.encode()).hexdigest()[:16]}"


def fetch(
    bundles: Sequence[Bundle], *, cache: Path | None = None, local_repositories: Sequence[Path] = ()
) -> list[Path]:
    """Return the folder of each bundle, fetching what is not there, with progress on standard error.

    `local_repositories` are folders in Maven's layout that are looked in before anything is downloaded.

    Raises:
        ArtifactError: an artifact can't be had, or has another sha256 than the lock says.
    """
    cache = SandboxSettings.load().cache_dir if cache is None else cache
    folders = [bundle.folder(cache) for bundle in bundles]
    missing = [bundle for bundle, folder in zip(bundles, folders, strict=True) if not _is_whole(folder)]
    if missing:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with _held(cache / "lock"):
                # Another run may have fetched it while this one waited.
                missing = [bundle for bundle in missing if not _is_whole(bundle.folder(cache))]
                _fetch_missing(missing, cache, local_repositories)
        except OSError as error:
            raise ArtifactError(
                f"the cache folder {cache} can't be used: {error.strerror or error}",
                hint="Make room, or set DROPCOPY_CACHE_DIR to another folder.",
            ) from error
    return folders


def _is_whole(folder: Path) -> bool:
    try:
        manifest: dict[str, int] = json.loads((folder / MANIFEST).read_text("utf-8"))
        return all((folder / name).stat().st_size == size for name, size in manifest.items())
    except (OSError, ValueError):
        return False


@contextmanager
def _held(path: Path) -> Iterator[None]:
    # The kernel lets go of the lock when its holder dies.
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch_missing(missing: Sequence[Bundle], cache: Path, local_repositories: Sequence[Path]) -> None:
    if not missing:
        return
    with Progress("fetching") as progress, ThreadPoolExecutor(THREADS) as threads:
        fetcher = _Fetcher(cache, local_repositories, progress)
        for bundle in missing:
            progress.add(bundle.name, sum(artifact.size for artifact in bundle.artifacts()))
        work = [
            threads.submit(fetcher.fetch, bundle, artifact) for bundle in missing for artifact in bundle.artifacts()
        ]
        try:
            for future in as_completed(work):
                future.result()
        except BaseException:
            # A failure or Ctrl-C ends the other downloads at their next bytes.
            fetcher.stopped.set()
            threads.shutdown(wait=True, cancel_futures=True)
            raise
    for bundle in missing:
        _publish(bundle, cache)
    shutil.rmtree(fetcher.downloads, ignore_errors=True)


def _partial(bundle: Bundle, cache: Path) -> Path:
    return bundle.folder(cache).with_suffix(".partial")


class _StoppedError(Exception):
    """The download is of no use any more."""


class _Fetcher:
    """Puts verified artifacts into `<bundle>.partial`, where a later run goes on if this one ends early."""

    def __init__(self, cache: Path, local_repositories: Sequence[Path], progress: Progress) -> None:
        # Imported here because a start that has nothing to fetch needs none of it.
        from jgo.maven import MavenContext, PythonResolver

        self.stopped = threading.Event()
        self.downloads = cache / "downloads"
        # What a killed run left here may be cut short, which jgo would take for whole.
        shutil.rmtree(self.downloads, ignore_errors=True)
        self._cache = cache
        self._progress = progress
        self._maven = MavenContext(
            resolver=PythonResolver(progress_callback=self._counting),
            repo_cache=self.downloads,
            local_repos=list(local_repositories),
            timeout=CONNECT_TIMEOUT_S,
        )
        self._bundle_of: dict[str, str] = {}

    def fetch(self, bundle: Bundle, artifact: Artifact) -> None:
        folder = _partial(bundle, self._cache)
        folder.mkdir(parents=True, exist_ok=True)
        final = folder / artifact.file_name
        if not (final.exists() and _sha256(final) == artifact.sha256):
            self._bundle_of[artifact.file_name] = bundle.name
            self._verify_into(self._download(artifact), artifact, final)
        # Counted here for what was not downloaded, and corrected for what was announced wrongly.
        self._progress.reach(bundle.name, artifact.file_name, artifact.size)

    @contextmanager
    def _counting(self, file_name: str, size: int) -> Iterator[Callable[[int], None]]:
        done = 0

        def count(more: int) -> None:
            nonlocal done
            if self.stopped.is_set():
                raise _StoppedError
            done += more
            self._progress.reach(self._bundle_of[file_name], file_name, done)

        yield count

    def _download(self, artifact: Artifact) -> Path:
        component = self._maven.project(artifact.group, artifact.name).at_version(artifact.version)
        found = component.artifact(classifier=artifact.classifier, packaging=artifact.packaging)
        try:
            for attempt in Retrying(
                retry=retry_if_exception_type(OSError),
                stop=stop_after_attempt(TRIES),
                wait=wait_exponential_jitter(initial=1, max=10),
                sleep=sleep_using_event(self.stopped),
                reraise=True,
            ):
                with attempt:
                    if found.cached_path:
                        found.cached_path.unlink(missing_ok=True)  # the last try's beginning
                    return Path(found.resolve())
        except (OSError, RuntimeError) as error:
            raise ArtifactError(
                f"{artifact.file_name} can't be fetched: {error}",
                hint="Is the network there? What has been fetched so far is kept; try again.",
            ) from error
        raise AssertionError("the last try either returns or raises")

    @staticmethod
    def _verify_into(found: Path, artifact: Artifact, final: Path) -> None:
        sha256 = _sha256(found)
        if sha256 != artifact.sha256:
            raise ArtifactError(
                f"{artifact.file_name} is refused: its sha256 is {sha256}, the lock says {artifact.sha256}",
                hint="It is not the file that was locked: find out why before you go on.",
            )
        copy = final.with_name(f"{final.name}.tmp")
        shutil.copyfile(found, copy)
        copy.replace(final)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _publish(bundle: Bundle, cache: Path) -> None:
    partial, final = _partial(bundle, cache), bundle.folder(cache)
    for archive in partial.glob("*.tar.gz"):
        _unpack(archive, partial)
        archive.unlink()
    sizes = {str(path.relative_to(partial)): path.stat().st_size for path in partial.rglob("*") if path.is_file()}
    (partial / MANIFEST).write_text(json.dumps(sizes), "utf-8")
    # One that is not whole any more (a file was deleted) makes way.
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)


def _unpack(archive: Path, folder: Path) -> None:
    # Python 3.11 has the filters of `extractall` from its fourth release on only.
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                path = Path(folder, member.name).resolve()
                if not path.is_relative_to(folder.resolve()) or not (member.isfile() or member.isdir()):
                    raise ArtifactError(f"{archive.name} is refused: it holds {member.name!r}, no plain file inside")
                (path if member.isdir() else path.parent).mkdir(parents=True, exist_ok=True)
                if (content := packed.extractfile(member)) is not None:
                    with content, path.open("wb") as file:
                        shutil.copyfileobj(content, file)
    except tarfile.TarError as error:
        raise ArtifactError(f"{archive.name} can't be unpacked: {error}") from error
