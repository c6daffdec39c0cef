"""Callboard's own manifests: one replica, read-only access, and its secrets elsewhere."""

from pathlib import Path

import yaml
from sqlalchemy.engine import make_url

from bot.config.environment import Environment
from bot.rules.kubernetes import agents
from bot.rules.kubernetes.agents import argo
from bot.rules.kubernetes.kinds import KINDS
from tests.manifests.rendered import container, env, objects, one, pod
from tests.paths import ROOT


def test_callboard_only_looks() -> None:
    role, binding, account = (one("callboard", kind) for kind in ("ClusterRole", "RoleBinding", "ServiceAccount"))
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    allowed = {(group, what) for rule in role["rules"] for group in rule["apiGroups"] for what in rule["resources"]}
    assert allowed == {("", "events"), ("", "pods/log"), *((kind.group, kind.resource) for kind in KINDS)}
    assert objects("callboard", "ClusterRoleBinding") == [], "in the namespaces of the models, and in no other"
    assert binding["metadata"]["namespace"] == "models"
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    subject = {"kind": "ServiceAccount", **{key: account["metadata"][key] for key in ("name", "namespace")}}
    assert binding["subjects"] == [subject]
    assert pod("callboard")["spec"]["serviceAccountName"] == account["metadata"]["name"]


def test_what_may_be_allowed_besides_is_to_read_configmaps_and_to_ask_pods() -> None:
    text = (ROOT / "manifests/callboard/rbac.yaml").read_text()
    lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# - ", "#   "))]
    assert yaml.safe_load("\n".join(lines)) == [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]},
    ]


def test_what_may_be_read_of_agents_is_what_callboard_reads() -> None:
    role, *bindings = yaml.safe_load_all((ROOT / "manifests/callboard/agents.yaml").read_text())
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    allowed = {(group, what) for rule in role["rules"] for group in rule["apiGroups"] for what in rule["resources"]}
    assert allowed == {(path.split("/")[2], resource) for resource, path in agents.PATHS.items()}
    subjects = one("callboard", "RoleBinding")["subjects"]
    for binding, namespace in zip(bindings, (argo.NAMESPACE, "flux-system"), strict=True):
        assert binding["metadata"] == {"name": role["metadata"]["name"], "namespace": namespace}
        assert (binding["roleRef"]["name"], binding["subjects"]) == (role["metadata"]["name"], subjects)


def test_callboard_is_one_and_its_secrets_are_named_only() -> None:
    spec = one("callboard", "Deployment")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}, "two would share one file"
    assert container("callboard")["envFrom"] == [{"secretRef": {"name": "callboard"}}]
    for kind in ("Secret", "ConfigMap", "PodDisruptionBudget"):
        assert objects("callboard", kind) == []


def test_what_callboards_manifest_sets_is_what_callboard_reads() -> None:
    given = env("callboard")
    secret = {
        "SLACK_BOT_TOKEN": "x",
        "SLACK_SIGNING_SECRET": "x",
        "GITHUB_TOKEN": "x",
        "MLFLOW_TRACKING_URI": "http://x",
    }
    told = Environment.read({**given, **secret})
    assert set(given) <= {name.upper() for name in Environment.__annotations__}
    mounts = [mount["mountPath"] for mount in container("callboard")["volumeMounts"]]
    assert Path(told.callboard_config).parent.as_posix() in mounts
    assert Path(told.database_url.removeprefix("sqlite:///")).parent.as_posix() in mounts
    ports = {port["name"]: port["containerPort"] for port in container("callboard")["ports"]}
    assert ports == {"public": told.port, "internal": told.internal_port}


def test_kubeconfigs_of_other_clusters_may_come_later() -> None:
    (volume,) = [each for each in pod("callboard")["spec"]["volumes"] if each["name"] == "clusters"]
    assert volume["secret"] == {"secretName": "callboard-clusters", "optional": True}
    (mount,) = [each for each in container("callboard")["volumeMounts"] if each["name"] == "clusters"]
    assert mount["mountPath"] in (ROOT / "docs/configuration.md").read_text()


def test_postgresql_must_show_a_certificate_for_its_name() -> None:
    """tests/store/test_postgresql_tls.py tries this address on a real server."""
    query = make_url(env("callboard-postgresql")["DATABASE_URL"]).query
    assert query == {"sslmode": "verify-full", "sslrootcert": "/etc/postgresql-ca/ca.crt"}
    (volume,) = [each for each in pod("callboard-postgresql")["spec"]["volumes"] if each["name"] == "postgresql-ca"]
    assert volume["configMap"] == {"name": "postgresql-ca", "optional": True}
    (mount,) = [each for each in container("callboard-postgresql")["volumeMounts"] if each["name"] == volume["name"]]
    assert mount["mountPath"] == Path(query["sslrootcert"]).parent.as_posix()  # type: ignore[arg-type]  # it is one


def test_only_the_public_port_is_let_in() -> None:
    policy, service = one("callboard", "NetworkPolicy"), one("callboard", "Service")
    assert policy["spec"]["ingress"] == [{"ports": [{"port": "public"}]}]
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["public"]
    for selector in (policy["spec"]["podSelector"]["matchLabels"], service["spec"]["selector"]):
        assert selector.items() <= pod("callboard")["metadata"]["labels"].items()


def test_callboard_may_call_what_it_works_with() -> None:
    egress = one("callboard", "NetworkPolicy")["spec"]["egress"]
    allowed = {
        (
            next(iter(rule["to"][0]["namespaceSelector"]["matchLabels"].values())) if "to" in rule else "any",
            each["port"],
        )
        for rule in egress
        for each in rule["ports"]
    }
    models = container("iris-classifier/production")["ports"][0]["containerPort"]
    assert allowed == {
        ("any", 443), ("any", 6443), ("mlops", 5000), ("models", models), ("kube-system", 53),
    }  # fmt: skip


def test_with_postgresql_nothing_else_is_different() -> None:
    with_file, without = container("callboard"), container("callboard-postgresql")
    given = {each["name"]: each for each in without["env"]}
    (secret,) = [each["valueFrom"]["secretKeyRef"] for each in given.values() if "valueFrom" in each]
    told = Environment.read(  # the file of certificates is mounted there, and not here
        {
            name: each.get("value", "s3cret").replace("/etc/postgresql-ca/ca.crt", "system")
            for name, each in given.items()
        }
        | {"SLACK_BOT_TOKEN": "x", "SLACK_SIGNING_SECRET": "x", "GITHUB_TOKEN": "x", "MLFLOW_TRACKING_URI": "http://x"}
    )
    assert (told.database_url.partition(":")[0], secret["name"]) == ("postgresql", "callboard-record")
    assert told.database_password is not None
    assert objects("callboard-postgresql", "PersistentVolumeClaim") == []
    mounts = [[each["mountPath"] for each in side["volumeMounts"]] for side in (with_file, without)]
    assert set(mounts[0]) ^ set(mounts[1]) == {"/var/lib/callboard", "/etc/postgresql-ca"}
    volumes = [
        {each["name"] for each in pod(side)["spec"]["volumes"]} for side in ("callboard", "callboard-postgresql")
    ]
    assert volumes[0] ^ volumes[1] == {"record", "postgresql-ca"}
    egress = [one(side, "NetworkPolicy")["spec"]["egress"] for side in ("callboard", "callboard-postgresql")]
    assert egress[1] == [*egress[0], {"ports": [{"port": 5432}]}]
    for key in with_file.keys() | without.keys():
        assert key in {"env", "volumeMounts"} or with_file[key] == without[key]
