"""The Helm chart: what it renders to is what was committed, is valid, and fits the program that it deploys."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dropcopy.probes import Probes, serve
from dropcopy.settings import Settings, _installed_groups, check_names
from dropcopy.topics import installed_venues, wanted_topics
from schemas.topics import SUBMITTED
from tests.deploy.chart import CHART, HELM, RENDERED, ROOT, VALUES, digest, golden, render

needs_helm = pytest.mark.skipif(HELM is None, reason="helm is not on the PATH")
Resource = dict[str, Any]

RESOURCES: list[Resource] = [found for found in yaml.safe_load_all(RENDERED.read_text("utf-8")) if found]
OF_OTHERS = ("monitoring.coreos.com/",)
HOW = "render it anew: python -m tests.deploy.chart"


def kind(name: str) -> list[Resource]:
    return [resource for resource in RESOURCES if resource["kind"] == name]


def pods() -> Iterator[tuple[str, Resource]]:
    for resource in RESOURCES:
        if "template" in resource.get("spec", {}):
            yield resource["metadata"]["name"], resource["spec"]["template"]["spec"]


def environment(pod: Resource) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for container in pod["containers"] for each in container["env"]}


def named(name: str) -> Resource:
    return dict(pods())[name]


def test_what_is_committed_was_rendered_from_this_chart():
    assert RENDERED.read_text("utf-8").splitlines()[0] == f"# {digest()}", HOW


@needs_helm
def test_what_is_committed_is_what_helm_renders():
    assert RENDERED.read_text("utf-8") == golden(), HOW


@needs_helm
def test_helm_has_nothing_against_the_chart():
    command = [HELM, "lint", "--strict", str(CHART), "--values", str(VALUES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout


@needs_helm
@pytest.mark.parametrize(
    ("wrong", "named_as"),
    [
        ("kafka.bootstrapServers=", "/kafka/bootstrapServers"),
        ("venues.tinvest.secrets.TOKEN=abc", "/venues/tinvest/secrets/TOKEN"),
        ("strimzi.enabled=true,strimzi.cluster=", "/strimzi/cluster"),
        ("kafka.replicas=3", "replicas"),
    ],
)
def test_values_that_are_wrong_are_named(wrong, named_as):
    with pytest.raises(AssertionError, match=named_as):
        render("--values", str(VALUES), "--set", wrong)


@needs_helm
def test_the_dashboard_arrives_as_it_is():
    rendered = render("--values", str(VALUES), "--set", "metrics.dashboard.enabled=true")
    (found,) = [each for each in yaml.safe_load_all(rendered) if each and each["kind"] == "ConfigMap"]

    assert json.loads(found["data"]["dropcopy.json"]) == json.loads((ROOT / "deploy/grafana/dropcopy.json").read_text())


@pytest.mark.parametrize("version", ["1.27.0", "1.37.0"])
def test_kubernetes_own_resources_follow_its_schemas(version):
    validator = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    own = [resource for resource in RESOURCES if not resource["apiVersion"].startswith(OF_OTHERS)]

    for resource in own:
        validator.validate(resource, version, strict=True)
    assert own


@pytest.mark.skipif(shutil.which("kubeconform") is None, reason="kubeconform is not on the PATH")
def test_kubeconform_has_nothing_against_it():
    command = ["kubeconform", "-strict", "-ignore-missing-schemas", str(RENDERED)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    if "failed downloading schema" in done.stdout + done.stderr:
        pytest.skip("kubeconform gets no schemas here")

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [name for name, _ in pods()])
def test_the_program_knows_every_setting_of_a_pod(name):
    known = environment(named(name))

    check_names(known)
    Settings.load({setting: value for setting, value in known.items() if not setting.endswith("_FILE")})


@pytest.mark.parametrize("venue", [pod["containers"][0]["args"][1] for name, pod in pods() if "-feed-" in name])
def test_a_feed_has_all_the_settings_of_its_venue(venue, tmp_path):
    pod = next(pod for name, pod in pods() if pod["containers"][0]["args"] == ["produce", venue])
    group = next(group for group in _installed_groups() if group.group == venue)
    given = {name: value for name, value in environment(pod).items() if name.startswith(group.prefix())}
    for name in [name for name in given if name.endswith("_FILE")]:
        secret = tmp_path / name
        secret.write_text("dGVzdA==")
        given[name] = str(secret)

    assert group.load(given)


@pytest.mark.parametrize("name", [name for name, _ in pods()])
def test_a_pod_is_not_root_writes_nowhere_and_is_told_of_no_services(name):
    pod = named(name)
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    # A Service named dropcopy would bring DROPCOPY_SERVICE_HOST, which is refused at start.
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert container["resources"]["limits"]["memory"]


def test_no_secret_stands_in_the_rendered_text():
    for _, pod in pods():
        for name in environment(pod):
            assert not any(word in name for word in ("TOKEN", "SECRET", "PASSWORD")) or name.endswith("_FILE"), name
    assert kind("Secret") == []


@pytest.mark.parametrize("name", [name for name, pod in pods() if pod.get("restartPolicy") != "Never"])
def test_probes_ask_for_paths_that_the_process_answers(name):
    (container,) = named(name)["containers"]
    (port,) = container["ports"]
    asked = {
        probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }

    assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert environment(named(name))["DROPCOPY_METRICS_PORT"] == str(port["containerPort"])
    assert {container[probe]["httpGet"]["port"] for probe in asked} == {port["name"]}
    with serve(Settings(metrics_port=0), Probes("test")) as url:
        assert url is not None


def test_each_worker_is_a_static_member_by_the_name_of_its_pod():
    (worker,) = kind("StatefulSet")
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    (identity,) = [each for each in container["env"] if each["name"] == "DROPCOPY_WORKER_ID"]

    assert identity["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert container["args"] == ["process"]
    assert worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= 2 * Settings().transaction_timeout_s


def test_what_a_disruption_may_take_leaves_a_worker_and_a_feed():
    budgets = {budget["metadata"]["name"]: budget["spec"] for budget in kind("PodDisruptionBudget")}
    (worker,) = kind("StatefulSet")

    assert budgets["dropcopy-processors"]["maxUnavailable"] < worker["spec"]["replicas"]
    # Of a venue with one feed there is none: it would only keep its node from being drained.
    assert sorted(budgets) == ["dropcopy-feed-tinvest", "dropcopy-processors"]
    for name, budget in budgets.items():
        chosen = budget["selector"]["matchLabels"].items()
        matching = [
            resource["metadata"]["name"]
            for resource in RESOURCES
            if chosen <= resource.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {}).items()
        ]
        assert matching, f"{name} is about no pod"


@needs_helm
def test_strimzis_topics_are_the_projects():
    rendered = yaml.safe_load_all(render("--values", str(VALUES), "--set", "strimzi.enabled=true"))
    resources = [each for each in rendered if each and each["kind"] == "KafkaTopic"]
    found = {resource["spec"]["topicName"]: resource["spec"] for resource in resources}
    wanted = {each.name: each for each in wanted_topics(Settings(replication_factor=3), installed_venues())}

    assert SUBMITTED.name in wanted
    assert found.keys() == wanted.keys()
    for name, spec in found.items():
        assert spec["config"] == wanted[name].config | {"min.insync.replicas": "2"}
        assert (spec["partitions"], spec["replicas"]) == (wanted[name].partitions, 3)
    # A release that is removed takes no record along.
    assert {each["metadata"]["annotations"]["helm.sh/resource-policy"] for each in resources} == {"keep"}


def test_the_topics_file_is_made_of_the_schemas(load_tool):
    assert (CHART / "files/topics.yaml").read_text("utf-8") == load_tool("topics_yaml").topics_yaml(), (
        "make it anew: python tools/topics_yaml.py"
    )
