"""The container engine that the tests use, and the images that they need of it."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Before testcontainers reads it. Every test removes what it started; the helper image that would do so after a
# killed run can't be had everywhere.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")

import docker
from docker.errors import BuildError, DockerException, ImageNotFound
from testcontainers.core.image import DockerImage

from sandbox.artifacts import Bundle, fetch

ROOT = Path(__file__).parents[2]
PYTHON = "python:3.13-slim"
KAFKA = "apache/kafka:4.3.1"
REGISTRY = "apicurio/apicurio-registry:3.3.3"

TITLE = "org.opencontainers.image.title"
ENGINE_TIMEOUT_S = 10
COMPOSE_TIMEOUT_S = 150


def why_not() -> str | None:
    """Say why no container can be run here, or None where one can."""
    # Asked by the command, for the library leaves its socket open when nobody answers.
    try:
        asked = ["docker", "version", "--format", "{{.Server.Version}}"]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=ENGINE_TIMEOUT_S, check=False)
    except FileNotFoundError:
        return "there is no container engine: `docker` is not installed"
    except subprocess.TimeoutExpired:
        return f"the container engine did not answer within {ENGINE_TIMEOUT_S} s"
    if told.returncode != 0:
        return f"no container engine answers: {told.stderr.strip()}"
    client = docker.from_env()
    missing = [image for image in (PYTHON, KAFKA) if not _has(client, image)]
    client.close()
    return f"these images are neither here nor to be pulled: {', '.join(missing)}" if missing else None


def _has(client: docker.DockerClient, image: str) -> bool:
    try:
        client.images.get(image)
    except ImageNotFound:
        try:
            client.images.pull(image)
        except DockerException:
            return False
    return True


@contextmanager
def built(tag: str) -> Iterator[str]:
    """Build the image, and give its name; its layers stay for the next run."""
    # Layers are kept for the next run, but not for ever.
    client = docker.from_env()
    client.images.prune({"dangling": True, "label": f"{TITLE}=dropcopy", "until": "24h"})
    client.close()
    image = DockerImage(ROOT, tag=f"dropcopy:{tag}", buildargs={"REVISION": tag}, rm=True)
    try:
        image.build()
    except BuildError as error:
        log = "".join(line.get("stream", "") for line in error.build_log)
        raise AssertionError(f"the image can't be built: {error}\n{log[-3000:]}") from None
    try:
        yield f"dropcopy:{tag}"
    finally:
        image.remove(noprune=True)


def registry_image() -> str:
    """Return the registry's image; where the official one can't be had, one of the same application stands in."""
    client = docker.from_env()
    try:
        if not _has(client, REGISTRY):
            (app,) = fetch([Bundle.locked("registry")])
            dockerfile = Path(__file__).parent / "registry" / "Dockerfile"
            # The build takes its files from one folder, and the downloaded application stays as it is.
            run(["docker", "build", "--quiet", "--tag", REGISTRY, "--file", str(dockerfile), str(app)])
    finally:
        client.close()
    return REGISTRY


def run(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout_s: float = COMPOSE_TIMEOUT_S
) -> str:
    """Run a program in the checkout, and return what it wrote to standard output."""
    # The engine's own builder needs no plug-in, which many machines lack.
    builder = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | builder | dict(environment or {}),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        told = (late.stderr or b"").decode(errors="replace")
        raise AssertionError(f"{' '.join(command)} did not end within {timeout_s:g} s:\n{told[-3000:]}") from None
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}"
    return done.stdout


def compose_command() -> list[str] | None:
    """Return how compose is called here, of version 2 or 1, or None where it is not."""
    for command in (["docker", "compose"], ["docker-compose"]):
        try:
            if subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
                return command
        except OSError:
            continue
    return None


class Compose:
    """One project of the checkout's docker-compose.yml, under a name and on ports of its own."""

    def __init__(self, command: Sequence[str], project: str, environment: Mapping[str, str]) -> None:
        self.project = project
        self._command = [*command, "--project-name", project]
        self._environment = environment

    def __call__(self, *arguments: str, profile: str | None = "demo", files: Sequence[str] = ()) -> str:
        """Run compose, and return what it wrote to standard output."""
        chosen = [part for file in files for part in ("--file", file)]
        profiles = ["--profile", profile] if profile else []
        return run([*self._command, *chosen, *profiles, *arguments], environment=self._environment)

    def containers(self, *services: str) -> list[str]:
        """Return the ids of the services' containers; of no service, those of all."""
        return self("ps", "--quiet", *services).split()

    def inspect(self, container: str) -> dict[str, Any]:
        """Return what the engine knows of a container."""
        (found,) = json.loads(run(["docker", "inspect", container]))
        return dict(found)

    def is_healthy(self, service: str) -> bool:
        """Tell whether a service's container says that it is healthy."""
        (container,) = self.containers(service)
        return bool(self.inspect(container)["State"]["Health"]["Status"] == "healthy")


__all__ = [
    "Compose",
    "KAFKA",
    "REGISTRY",
    "ROOT",
    "built",
    "compose_command",
    "registry_image",
    "run",
    "why_not",
]
