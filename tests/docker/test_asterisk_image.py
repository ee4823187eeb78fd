"""The Asterisk image, with the configuration that the service image renders for it, and the service attached."""

from __future__ import annotations

import asyncio
import secrets

import pytest
from ruamel.yaml import YAML

from ivr.records.call_records import CallRecords
from tests.asterisk.phone import Phone
from tests.docker.engine import ROOT
from tests.ports import PORTS

pytestmark = pytest.mark.calls(1)

USER = 900
PASSWORDS = {
    f"ASTERISK_{name}": secrets.token_hex(8)
    for name in ("ARI_PASSWORD", "MEDIA_PASSWORD", *(f"PHONE_PASSWORD_{number}" for number in range(1001, 1007)))
}


@pytest.fixture
def site(tmp_path):
    """The site of compose.yaml on unused ports."""
    site = YAML(typ="safe").load(ROOT / "dialplans/docker/site.yaml")
    site["http"]["port"], site["sip"]["port"] = PORTS.one(), PORTS.one()
    voice = PORTS.row(20)
    site["rtp"] = {"first": voice[0], "last": voice[-1]}
    site["service"] = f"ws://127.0.0.1:{PORTS.one()}"
    YAML().dump(site, tmp_path / "site.yaml")
    return site


def given(names=tuple(PASSWORDS)):
    return [f"--env={name}={PASSWORDS[name]}" for name in names]


async def test_a_phone_calls_the_service_through_asterisk(
    service_image, asterisk_image, compose, start, volume, site, tmp_path
):
    site_mount = f"--volume={tmp_path / 'site.yaml'}:/etc/huifang/site.yaml:ro"
    configuration, _ = volume("asterisk-config")
    state, _ = volume("asterisk-state")
    data, folder = volume("data")

    rendering = start(
        service_image, *compose.hardening("dialplan"), site_mount, f"--volume={configuration}:/etc/asterisk", *given(),
        command=tuple(compose.services["dialplan"]["command"]),
    )  # fmt: skip
    rendering.wait()
    assert rendering.status == 0, rendering.log

    asterisk = start(
        asterisk_image, *compose.hardening("asterisk"),
        f"--volume={configuration}:/etc/asterisk:ro", f"--volume={state}:/var/lib/asterisk",
    )  # fmt: skip
    await asterisk.wait_until_healthy()
    assert asterisk.run("id", "-u").strip() == str(USER)
    assert "Asterisk 22." in asterisk.run("asterisk", "-rx", "core show version")

    service = start(
        service_image, *compose.hardening("service"), site_mount, f"--volume={data}:/data",
        f"--env=HUIFANG_PORT={site['service'].rpartition(':')[2]}", "--env=HUIFANG_SITE=/etc/huifang/site.yaml",
        f"--env=ASTERISK_ARI_URL=http://127.0.0.1:{site['http']['port']}/ari",
        *given(("ASTERISK_ARI_PASSWORD", "ASTERISK_MEDIA_PASSWORD")),
    )  # fmt: skip
    await service.wait_until_healthy()

    async with Phone("1002", PASSWORDS["ASTERISK_PHONE_PASSWORD_1002"], ("127.0.0.1", site["sip"]["port"])) as phone:
        call = await (await phone.call("4000")).answered()
        await call.hears_sound()
        await call.hang_up()

    await asyncio.to_thread(service.stop, 20)
    assert service.status == 0, service.log
    await asyncio.to_thread(asterisk.stop, 10)
    assert asterisk.status == 0, asterisk.log

    records = await CallRecords.open(f"sqlite:///{folder / 'records.sqlite'}")
    try:
        (kept,) = await records.calls(2, None)
    finally:
        await records.close()
    assert (kept.network, kept.direction, kept.called) == ("asterisk", "inbound", "4000")
    assert kept.ended_by == "caller"
