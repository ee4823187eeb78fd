"""compose.yaml, .env.example, the Dockerfile, the settings and Asterisk's site agree."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from dotenv import dotenv_values

from ivr.settings import Settings
from ivr.telephony.asterisk.site import load_site, secrets
from tests.docker.engine import ROOT, CommandFailed

COMPOSE = (ROOT / "compose.yaml").read_text()
EXAMPLE = dotenv_values(ROOT / ".env.example")
SITE = load_site(ROOT / "dialplans/docker/site.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files that compose reads, prepared as docs/operating.md says."""
    for file in ("compose.yaml", ".env.example"):
        shutil.copy(ROOT / file, tmp_path)
    (filling,) = re.findall(r"^    (while .* > \.env)$", (ROOT / "docs/operating.md").read_text(), re.MULTILINE)
    subprocess.run(["bash", "-c", filling], cwd=tmp_path, check=True)
    return tmp_path


def test_docker_compose_accepts_the_file_with_the_example_filled_in_as_documented(docker_compose, project):
    read = json.loads(docker_compose(project, "config", "--format=json"))
    service, asterisk = read["services"]["service"], read["services"]["asterisk"]
    password = dotenv_values(project / ".env")["POSTGRES_PASSWORD"]
    assert re.fullmatch("[0-9a-f]{32}", password)
    assert service["environment"]["HUIFANG_DATABASE"] == f"postgresql://huifang:{password}@postgres/huifang"
    assert service["build"]["target"] == "service"
    assert [(port["host_ip"], port["published"], port["target"]) for port in service["ports"]] == [
        ("127.0.0.1", "8080", 8080)
    ]
    published = {(port["protocol"], int(port["published"]), port["target"]) for port in asterisk["ports"]}
    voice = range(SITE.rtp.first, SITE.rtp.last + 1)
    assert published == {("udp", port, port) for port in (SITE.sip.port, *voice)}
    assert set(secrets(SITE, read["services"]["dialplan"]["environment"]).phones) == set(SITE.phones)


@pytest.mark.parametrize("name", [name for name, value in EXAMPLE.items() if not value and "PHONE" not in name])
def test_docker_compose_names_a_missing_password(docker_compose, project, name):
    file = project / ".env"
    file.write_text(re.sub(rf"^{name}=.*$", f"{name}=", file.read_text(), flags=re.MULTILINE))
    with pytest.raises(CommandFailed, match=f"required variable {name} is missing"):
        docker_compose(project, "config", "--quiet")


def test_every_variable_of_the_file_is_in_the_example():
    assert set(re.findall(r"\$\{([A-Z_]+)", COMPOSE)) <= set(EXAMPLE)


def test_the_example_has_the_defaults_and_no_password():
    assert not any(value for name, value in EXAMPLE.items() if "PASSWORD" in name)
    for name, default in re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", COMPOSE):
        assert EXAMPLE[name] == default


def test_the_example_has_every_password_of_the_site():
    with_passwords = {name: value or "secret" for name, value in EXAMPLE.items()}
    assert set(secrets(SITE, with_passwords).phones) == set(SITE.phones)


def test_every_setting_named_anywhere_is_a_setting(dockerfile):
    known = {f"HUIFANG_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"HUIFANG_[A-Z_]+", COMPOSE + dockerfile + (ROOT / ".env.example").read_text()))
    assert named
    assert named <= known


def test_the_service_and_asterisk_find_each_other(compose, dockerfile):
    service, asterisk = compose.services["service"], compose.services["asterisk"]
    assert set(service["networks"]) & set(asterisk["networks"])
    port = int(re.search(r"HUIFANG_PORT=(\d+)", dockerfile).group(1))
    assert urlsplit(SITE.service).netloc == f"service:{port}"
    assert EXAMPLE["ASTERISK_ARI_URL"] == f"http://asterisk:{SITE.http.port}/ari"


def test_the_flows_are_where_the_image_has_them(dockerfile):
    folder = re.search(r"^WORKDIR (\S+)", dockerfile, re.MULTILINE).group(1)
    assert EXAMPLE["HUIFANG_FLOWS"] == f"{folder}/callflows.yaml"
    assert (ROOT / "callflows.yaml").exists()


def test_only_the_service_reaches_the_stores(compose):
    reached = {name for name, service in compose.services.items() if "storage" in service.get("networks", ())}
    assert reached == {"service", "postgres", "redis"}
    assert not any("ports" in compose.services[name] for name in ("postgres", "redis", "dialplan"))


def test_the_stop_timeout_exceeds_the_drain_time(compose):
    from ivr.service.process import DRAIN_S

    assert int(compose.services["service"]["stop_grace_period"].removesuffix("s")) > DRAIN_S
