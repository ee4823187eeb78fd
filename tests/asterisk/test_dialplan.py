"""The configuration that is rendered for an operator."""

from __future__ import annotations

import re
import stat

import pytest
from ruamel.yaml import YAML

from ivr.errors import FaultyFile
from ivr.telephony.asterisk.dialplan import TEMPLATES, render
from ivr.telephony.asterisk.site import MissingSecrets, Secrets, Site, TrunkNumbers, load_site, secrets

EXAMPLE = TEMPLATES / "site.yaml"
ENVIRONMENT = {
    "ASTERISK_ARI_PASSWORD": "ari;word",
    "ASTERISK_PHONE_PASSWORD_1001": "first-word",
    "ASTERISK_PHONE_PASSWORD_1002": "second-word",
    **{f"ASTERISK_PHONE_PASSWORD_{phone}": "another-word" for phone in range(1003, 1007)},
    "ASTERISK_TRUNK_PASSWORD": "trunk-word",
}
TRUNK = {"host": "sip.example.net", "user": "87654321", "register": True}


def rendered(tmp_path, site, environment=ENVIRONMENT):
    files = render(site, secrets(site, environment), tmp_path / "asterisk")
    return {file.name: file.read_text() for file in files}


def test_the_example_is_complete(tmp_path):
    files = rendered(tmp_path, load_site(EXAMPLE))
    assert {"extensions.conf", "pjsip.conf", "ari.conf", "http.conf"} <= set(files)
    assert {"modules.conf", "rtp.conf", "queues.conf"} <= set(files)
    assert "exten => 4000,1," in files["extensions.conf"]
    assert "member => PJSIP/1001" in files["queues.conf"]
    assert "{{" not in "".join(files.values())
    assert "{%" not in "".join(files.values())


def test_asterisks_own_variables_stay(tmp_path):
    extensions = rendered(tmp_path, load_site(EXAMPLE))["extensions.conf"]
    assert "StasisBroadcast(2000,^huifang@,line:${CALLED}:$[0${RINGS}])" in extensions


def test_a_caller_at_a_full_line_hears_rings_of_the_local_cadence(tmp_path):
    extensions = rendered(tmp_path, Site.model_validate({"ringing": {"rings": 6}}))["extensions.conf"]
    assert (
        "exten => full,1,GotoIf($[0${RINGS} >= 6]?person,1)\n same => n,Ringing()\n same => n,Wait(5)\n" in extensions
    )


def test_passwords_come_from_the_environment_and_only_the_owner_may_read_them(tmp_path):
    files = rendered(tmp_path, load_site(EXAMPLE))
    assert "password = ari\\;word\n" in files["ari.conf"]
    assert "password = first-word\n" in files["pjsip.conf"]
    for file in (tmp_path / "asterisk").glob("*.conf"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_local_networks_see_the_machines_own_address(tmp_path):
    example = load_site(EXAMPLE).model_dump(by_alias=True)
    site = Site.model_validate(example | {"outside": "198.51.100.7", "inside": ["172.31.200.0/24"]})
    pjsip = rendered(tmp_path, site)["pjsip.conf"]
    assert "external_media_address = 198.51.100.7\n" in pjsip
    assert re.findall(r"^local_net = (.+)$", pjsip, re.MULTILINE) == ["172.31.200.0/24"]


def test_every_missing_password_is_named():
    site = load_site(EXAMPLE).model_copy(update={"trunk": Site.model_validate({"trunk": TRUNK}).trunk})
    with pytest.raises(MissingSecrets) as caught:
        secrets(site, {"ASTERISK_ARI_PASSWORD": "x", "ASTERISK_PHONE_PASSWORD_1001": ""})
    assert caught.value.names == (
        "ASTERISK_PHONE_PASSWORD_1001",
        "ASTERISK_PHONE_PASSWORD_1002",
        *(f"ASTERISK_PHONE_PASSWORD_{phone}" for phone in range(1003, 1007)),
        "ASTERISK_TRUNK_PASSWORD",
    )


def test_passwords_are_not_shown_when_printed():
    shown = repr(secrets(load_site(EXAMPLE), ENVIRONMENT))
    assert not any(word in shown for word in ENVIRONMENT.values())


@pytest.mark.parametrize("word", ["two\nlines", " space", "space "])
def test_a_password_that_asterisk_would_misread_is_refused(tmp_path, word):
    with pytest.raises(ValueError, match="password"):
        render(Site(), Secrets(word), tmp_path)


def test_no_password_is_in_the_repository():
    for template in TEMPLATES.glob("*.conf"):
        for value in re.findall(r"^\s*password\s*=\s*(.*)$", template.read_text(), re.MULTILINE):
            assert re.fullmatch(r"\{\{ secrets\.\S+ \| value \}\}", value)


def test_a_trunk_is_encrypted_by_default(tmp_path):
    pjsip = rendered(tmp_path, Site.model_validate({"trunk": TRUNK}))["pjsip.conf"]
    assert "media_encryption = sdes" in pjsip
    assert "contact = sip:sip.example.net:5061\\;transport=tls" in pjsip
    assert "client_uri = sip:87654321@sip.example.net:5061\\;transport=tls" in pjsip


def test_the_example_of_a_trunk_is_right():
    _, _, example = EXAMPLE.read_text(encoding="utf-8").partition("# trunk:\n")
    text = "trunk:\n" + "\n".join(line.removeprefix("#") for line in example.splitlines())
    trunk = Site.model_validate(YAML(typ="safe").load(text)).trunk
    assert trunk is not None and (trunk.numbers, trunk.lines) == (TrunkNumbers(), 30)


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("lines: [", "", "expected"),
        ("phones: ['a;b']", "phones.0", "pattern"),
        ("lines: {'40x': {flow: survey}}", "lines.40x", "pattern"),
        ("fallback: {phones: ['1001']}", "", "1001 is not among the phones"),
        ("trunk: {host: a, transport: udp}", "trunk", "srtp"),
        ("trunk: {host: a, register: true}", "trunk", "needs a user"),
        ("trunk: {host: a, numbers: {region: XX}}", "trunk.numbers.region", "XX is not a region"),
        ("trunk: {host: a, numbers: {area_code: 大连}}", "trunk.numbers.area_code", "pattern"),
        ("trunk: {host: a, numbers: {dialled_prefix: '9,'}}", "trunk.numbers.dialled_prefix", "pattern"),
        ("linse: {}", "linse", "Extra inputs"),
        ("http: {port: 99999}", "http.port", "65535"),
        ('targets: {person: "PJSIP/1001,30,g)"}', "targets.person", "pattern"),
    ],
)
def test_a_faulty_site_is_refused_with_its_place_and_reason(tmp_path, text, path, reason):
    file = tmp_path / "site.yaml"
    file.write_text(text)
    with pytest.raises(FaultyFile) as caught:
        load_site(file)
    (fault,) = caught.value.faults
    assert fault.file == str(file)
    assert fault.path.startswith(path)
    assert reason in fault.reason


def test_a_missing_site_file(tmp_path):
    with pytest.raises(FaultyFile, match="No such file"):
        load_site(tmp_path / "none.yaml")
