"""Settings: environment variables `DROPCOPY_<NAME>`, or a TOML file that `DROPCOPY_CONFIG` names.

The environment wins over the file. In the file a name stands without its prefix, in lower case, and
a venue's settings may stand in a table of the venue's name:

    bootstrap_servers = "kafka:9092"
    [tinvest]
    accounts = "2000000001"

A setting that is a secret can also come from a file of its own: `DROPCOPY_TINVEST_TOKEN_FILE`.
`DROPCOPY_KAFKA_<PROPERTY>` is passed on to every Kafka client (`DROPCOPY_KAFKA_SASL_MECHANISM` is
librdkafka's `sasl.mechanism`).

Every package that has settings of its own offers a subclass of `SettingsGroup` through the entry
point group `dropcopy.settings`. So the names can be checked all at once, at start: an unknown
`DROPCOPY_*` name, in the environment or the file, is refused.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from dropcopy.errors import SettingsError

__all__ = ["KAFKA_PREFIX", "PREFIX", "Settings", "SettingsGroup", "check_names", "read_environment", "read_secret"]

PREFIX = "DROPCOPY_"
KAFKA_PREFIX = f"{PREFIX}KAFKA_"
CONFIG = f"{PREFIX}CONFIG"


class SettingsGroup(BaseModel):
    """Settings that share a prefix: fields of the model are names after `DROPCOPY_<group>_`.

    Raises on `load` a `SettingsError` that names every wrong or missing setting at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    group: ClassVar[str] = ""

    @classmethod
    def prefix(cls) -> str:
        """Return what the names of the group start with."""
        return f"{PREFIX}{cls.group.upper()}_" if cls.group else PREFIX

    @classmethod
    def names(cls) -> set[str]:
        """Return every name that the group reads."""
        names = {f"{cls.prefix()}{field.upper()}" for field in cls.model_fields}
        secrets = {f"{cls.prefix()}{field.upper()}_FILE" for field in cls.model_fields if cls.is_secret(field)}
        return names | secrets

    @classmethod
    def is_secret(cls, field: str) -> bool:
        """Tell whether a field's value must not be shown, and may come from a file."""
        return "SecretStr" in str(cls.model_fields[field].annotation)

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the group from `environment`, by default the process's own and the TOML file's."""
        environment = read_environment() if environment is None else environment
        values: dict[str, Any] = {}
        problems: list[str] = []
        for field in cls.model_fields:
            name = f"{cls.prefix()}{field.upper()}"
            value = environment.get(name)
            file = environment.get(f"{name}_FILE") if cls.is_secret(field) else None
            if value is not None and file is not None:
                problems.append(f"{name} and {name}_FILE are both set: keep one")
            elif file is not None:
                try:
                    values[field] = read_secret(f"{name}_FILE", file)
                except SettingsError as error:
                    problems.append(error.message)
            elif value is not None:
                values[field] = value
        if not problems:
            try:
                return cls(**values)
            except ValidationError as error:
                problems += [
                    cls._problem(detail["loc"], detail["msg"], values) for detail in error.errors(include_url=False)
                ]
        raise SettingsError(
            "\n".join(problems), hint="Set these in the environment or in the file that DROPCOPY_CONFIG names."
        )

    @classmethod
    def _problem(cls, location: tuple[int | str, ...], message: str, values: Mapping[str, Any]) -> str:
        if not location:
            return message.removeprefix("Value error, ")
        field = str(location[0])
        name = f"{cls.prefix()}{field.upper()}"
        if field not in values:
            return f"{name} is not set"
        shown = "(hidden)" if cls.is_secret(field) else repr(values[field])
        return f"{name}={shown}: {message.removeprefix('Value error, ')}"


class Settings(SettingsGroup):
    """What every role reads."""

    bootstrap_servers: str = "127.0.0.1:9092"
    schema_registry_url: str = "http://127.0.0.1:8081"
    schema_registry_user: str = ""
    schema_registry_password: SecretStr = SecretStr("")
    guarantee: Literal["exactly_once", "at_least_once"] = "exactly_once"

    partitions: int = Field(default=8, ge=1, le=1000)
    replication_factor: int = Field(default=1, ge=1, le=10)

    # The processors' group, which the ids of their transactions begin with too.
    group_id: str = "dropcopy"
    # How many processes a processor runs, each on a core of its own.
    processes: int = Field(default=1, ge=1, le=1000)
    # A processor's own name, by which a restart of it gets its partitions back; without one it has another each time.
    worker_id: str = ""
    # For how long a processor's partitions wait for it, and after what time a transaction is given up.
    session_timeout_s: float = Field(default=10, ge=1, le=300)
    transaction_timeout_s: float = Field(default=15, ge=1, le=900)

    # How long after its submission an order may stay unanswered, and after its first report unsubmitted.
    reply_timeout_s: float = Field(default=10, gt=0)
    submission_grace_s: float = Field(default=10, gt=0)
    # How long an account's feeds may all say nothing before they count as down.
    feed_silence_s: float = Field(default=15, gt=0)
    # How long an ended order stays in the processors' memory.
    order_retention_s: float = Field(default=24 * 60 * 60, gt=0)

    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    # Where a role that runs on answers `/metrics` and probes; without a port it does not, 0 takes any that is free.
    # A processor of several processes answers at as many ports from this one on.
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    bind_host: str = "127.0.0.1"

    @model_validator(mode="after")
    def _processes_have_work_and_ports(self) -> Self:
        if self.processes > self.partitions:
            raise ValueError(
                f"DROPCOPY_PROCESSES={self.processes} is more than there are partitions "
                f"(DROPCOPY_PARTITIONS={self.partitions}): some would have nothing to do"
            )
        if (self.metrics_port or 0) + self.processes - 1 > 65535:
            raise ValueError(
                f"DROPCOPY_METRICS_PORT={self.metrics_port} leaves no ports for {self.processes} processes"
            )
        return self


def read_secret(name: str, path: str) -> str:
    """Return the secret in the file that the setting `name` leads to, without the space around it.

    Raises:
        SettingsError: the file can't be read.
    """
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}={path} can't be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None


def read_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return every `DROPCOPY_*` setting of the environment and of the TOML file that it names.

    Raises:
        SettingsError: the file can't be read, or is no TOML.
    """
    environ = os.environ if environ is None else environ
    found = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    path = found.pop(CONFIG, None)
    if path is None:
        return found
    filed = _flatten(_read_toml(Path(path)), PREFIX)
    # A secret of the environment also wins over the file's other way of giving it.
    for name in found:
        filed.pop(f"{name}_FILE", None)
        filed.pop(name.removesuffix("_FILE"), None)
    return filed | found


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{CONFIG}={path} can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{CONFIG}={path} is no TOML: {error}") from None


def _flatten(table: Mapping[str, Any], prefix: str) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        name = f"{prefix}{key.upper().replace('.', '_').replace('-', '_')}"
        if isinstance(value, dict):
            flat |= _flatten(value, f"{name}_")
        elif isinstance(value, list):
            flat[name] = ",".join(map(str, value))
        else:
            flat[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return flat


def check_names(names: Iterable[str], groups: Iterable[type[SettingsGroup]] | None = None) -> None:
    """Refuse names that no group reads, all of them at once, each with the nearest known one.

    Raises:
        SettingsError: at least one name is unknown.
    """
    groups = _installed_groups() if groups is None else groups
    known = {CONFIG}.union(*(group.names() for group in groups))
    unknown = sorted(name for name in names if name not in known and not name.startswith(KAFKA_PREFIX))
    if unknown:
        raise SettingsError(
            "\n".join(f"{name} is no setting{_did_you_mean(name, known)}" for name in unknown),
            hint="Remove or correct these names.",
        )


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    # Without what they all have in common, which would make everything alike.
    bare = [known_name.removeprefix(PREFIX) for known_name in known]
    nearest = get_close_matches(name.removeprefix(PREFIX), bare, 1)
    return f": did you mean {PREFIX}{nearest[0]}?" if nearest else ""


def _installed_groups() -> list[type[SettingsGroup]]:
    groups: list[type[SettingsGroup]] = [Settings]
    for point in entry_points(group="dropcopy.settings"):
        groups += point.load()()
    return groups
