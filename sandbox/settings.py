"""The sandbox's settings."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from dropcopy.settings import SettingsGroup

__all__ = ["SandboxSettings", "groups"]


def _user_cache() -> Path:
    # Imported here because every command reads the names of all settings, few need this value.
    from platformdirs import user_cache_path

    return user_cache_path("dropcopy")


class SandboxSettings(SettingsGroup):
    """`DROPCOPY_CACHE_DIR`: where the broker's and the registry's artifacts are kept."""

    group: ClassVar[str] = ""

    cache_dir: Path = Field(default_factory=_user_cache)


def groups() -> list[type[SettingsGroup]]:
    """Return every group of settings of the package."""
    return [SandboxSettings]
