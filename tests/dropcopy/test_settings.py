"""Settings: read from the environment and a file, checked all at once, secrets never shown."""

from typing import ClassVar

import pytest
from pydantic import Field, SecretStr

from dropcopy.errors import SettingsError
from dropcopy.settings import Settings, SettingsGroup, check_names, read_environment


class Venue(SettingsGroup):
    group: ClassVar[str] = "venue"

    token: SecretStr
    accounts: str
    port: int = Field(default=1, ge=1, le=65535)
    ca_file: str = ""


def told(environment):
    with pytest.raises(SettingsError) as raised:
        Venue.load(environment)
    return raised.value.message.splitlines()


def config_file(tmp_path, text):
    file = tmp_path / "dropcopy.toml"
    file.write_text(text, "utf-8")
    return {"DROPCOPY_CONFIG": str(file)}


def test_a_group_reads_the_names_with_its_prefix():
    venue = Venue.load({"DROPCOPY_VENUE_TOKEN": "t", "DROPCOPY_VENUE_ACCOUNTS": "1,2", "DROPCOPY_VENUE_PORT": "7"})

    assert (venue.token.get_secret_value(), venue.accounts, venue.port) == ("t", "1,2", 7)


def test_every_wrong_or_missing_setting_is_named_at_once():
    assert told({"DROPCOPY_VENUE_PORT": "0"}) == [
        "DROPCOPY_VENUE_TOKEN is not set",
        "DROPCOPY_VENUE_ACCOUNTS is not set",
        "DROPCOPY_VENUE_PORT='0': Input should be greater than or equal to 1",
    ]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("DROPCOPY_GUARANTEE", "most_of_them", "DROPCOPY_GUARANTEE='most_of_them': Input should be 'exactly_once' or"),
        ("DROPCOPY_PARTITIONS", "many", "DROPCOPY_PARTITIONS='many': Input should be a valid integer"),
        ("DROPCOPY_PROCESSES", "9", "DROPCOPY_PROCESSES=9 is more than there are partitions (DROPCOPY_PARTITIONS=8)"),
        ("DROPCOPY_REPLY_TIMEOUT_S", "-1", "DROPCOPY_REPLY_TIMEOUT_S='-1': Input should be greater than 0"),
    ],
)
def test_a_wrong_value_is_shown_with_what_is_right(name, value, line):
    with pytest.raises(SettingsError) as raised:
        Settings.load({name: value})

    assert raised.value.message.startswith(line)


def test_a_secret_is_shown_neither_by_the_object_nor_by_an_error():
    class Strict(Venue):
        token: SecretStr = Field(min_length=100)

    given = {"DROPCOPY_VENUE_TOKEN": "hunter2", "DROPCOPY_VENUE_ACCOUNTS": "1"}

    with pytest.raises(SettingsError) as raised:
        Strict.load(given)

    assert "DROPCOPY_VENUE_TOKEN=(hidden)" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert "hunter2" not in repr(Venue.load(given))


def test_a_secret_can_come_from_a_file_of_its_own(tmp_path):
    (tmp_path / "token").write_text("t\n", "utf-8")

    venue = Venue.load({"DROPCOPY_VENUE_TOKEN_FILE": str(tmp_path / "token"), "DROPCOPY_VENUE_ACCOUNTS": "1"})

    assert venue.token.get_secret_value() == "t"


def test_a_secret_given_twice_or_in_no_readable_file_is_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    file = str(tmp_path / "token")
    accounts = {"DROPCOPY_VENUE_ACCOUNTS": "1"}

    assert told(accounts | {"DROPCOPY_VENUE_TOKEN": "t", "DROPCOPY_VENUE_TOKEN_FILE": file}) == [
        "DROPCOPY_VENUE_TOKEN and DROPCOPY_VENUE_TOKEN_FILE are both set: keep one"
    ]
    assert told(accounts | {"DROPCOPY_VENUE_TOKEN_FILE": file}) == [
        f"DROPCOPY_VENUE_TOKEN_FILE={file} can't be read: No such file or directory"
    ]
    assert told(accounts | {"DROPCOPY_VENUE_TOKEN_FILE": str(tmp_path / "binary")}) == [
        f"DROPCOPY_VENUE_TOKEN_FILE={tmp_path / 'binary'} can't be read: not UTF-8"
    ]


def test_the_file_has_plain_values_tables_lists_and_booleans(tmp_path):
    text = """
        bootstrap_servers = "kafka:9092"
        partitions = 12
        [venue]
        accounts = ["1", "2"]
        verify = true
        [kafka]
        "sasl.mechanism" = "PLAIN"
    """

    assert read_environment(config_file(tmp_path, text)) == {
        "DROPCOPY_BOOTSTRAP_SERVERS": "kafka:9092",
        "DROPCOPY_PARTITIONS": "12",
        "DROPCOPY_VENUE_ACCOUNTS": "1,2",
        "DROPCOPY_VENUE_VERIFY": "true",
        "DROPCOPY_KAFKA_SASL_MECHANISM": "PLAIN",
    }


def test_the_environment_wins_over_the_file_whichever_way_a_secret_is_given(tmp_path):
    text = '[venue]\naccounts = "1"\ntoken = "filed"\nkey_file = "/filed"'
    given = {"DROPCOPY_VENUE_TOKEN_FILE": "/given", "DROPCOPY_VENUE_KEY": "given", "DROPCOPY_VENUE_ACCOUNTS": "2"}

    assert read_environment(config_file(tmp_path, text) | given) == given


def test_a_file_that_is_missing_or_no_toml_is_refused_by_name(tmp_path):
    missing = str(tmp_path / "missing.toml")
    with pytest.raises(SettingsError, match=f"DROPCOPY_CONFIG={missing} can't be read: No such file"):
        read_environment({"DROPCOPY_CONFIG": missing})
    with pytest.raises(SettingsError, match="is no TOML"):
        read_environment(config_file(tmp_path, "partitions ="))


def test_every_process_of_a_processor_has_a_port():
    with pytest.raises(SettingsError, match="DROPCOPY_METRICS_PORT=65535 leaves no ports for 2 processes"):
        Settings.load({"DROPCOPY_METRICS_PORT": "65535", "DROPCOPY_PROCESSES": "2"})


def test_names_of_other_programs_are_left_alone():
    assert read_environment({"PATH": "/bin", "DROPCOPY_PARTITIONS": "3"}) == {"DROPCOPY_PARTITIONS": "3"}


def test_unknown_names_are_refused_all_at_once_each_with_the_nearest_known_one():
    names = ["DROPCOPY_VENUE_TOKEM", "DROPCOPY_QQQQ", "DROPCOPY_VENUE_TOKEN_FILE", "DROPCOPY_KAFKA_SASL_MECHANISM"]

    with pytest.raises(SettingsError) as raised:
        check_names(names, [Settings, Venue])

    assert raised.value.message.splitlines() == [
        "DROPCOPY_QQQQ is no setting",
        "DROPCOPY_VENUE_TOKEM is no setting: did you mean DROPCOPY_VENUE_TOKEN?",
    ]
    assert raised.value.exit_status == 2


def test_only_a_secret_has_a_file_of_its_own():
    with pytest.raises(SettingsError, match="DROPCOPY_VENUE_PORT_FILE is no setting"):
        check_names(["DROPCOPY_VENUE_PORT_FILE"], [Settings, Venue])


def test_the_names_of_every_installed_package_are_known():
    check_names(["DROPCOPY_CACHE_DIR", "DROPCOPY_BOOTSTRAP_SERVERS", "DROPCOPY_CONFIG", "DROPCOPY_TINVEST_TOKEN_FILE"])
