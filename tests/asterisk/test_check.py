"""The check explains each fault of an Asterisk."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ivr.telephony.asterisk.check import check
from tests.ports import PORTS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.calls(1)]


async def examine(site, passwords, **changes):
    given = {"url": site.ari_url, "user": site.ari_user, "password": passwords.ari, "app": site.app}
    return await check(**(given | changes))


async def test_the_private_asterisk_has_no_faults(pbx, site, passwords):
    assert await examine(site, passwords) == []


async def test_a_closed_port(pbx, site, passwords):
    port = PORTS.one()
    (finding,) = await examine(site, passwords, url=f"http://127.0.0.1:{port}/ari")
    assert finding.startswith(f"nothing listens at 127.0.0.1 port {port}")


async def test_a_wrong_password(pbx, site, passwords):
    (finding,) = await examine(site, passwords, password="guessed")
    assert "refuses the name or password" in finding
    assert "guessed" not in finding


async def test_a_wrong_path(pbx, site, passwords):
    (finding,) = await examine(site, passwords, url=site.ari_url + "/v1")
    assert "no ARI at" in finding


async def test_a_missing_module(service, site, passwords):
    await service.ari.request("DELETE", "/asterisk/modules/app_queue.so")
    (finding,) = await examine(site, passwords)
    await service.ari.request("POST", "/asterisk/modules/app_queue.so")
    assert finding.startswith("Asterisk lacks the module app_queue.so")


async def test_another_version(site, passwords):
    async def info(_):
        return web.json_response({"system": {"version": "18.4.0"}})

    async def modules(_):
        return web.json_response([])

    application = web.Application()
    application.add_routes([web.get("/ari/asterisk/info", info), web.get("/ari/asterisk/modules", modules)])
    async with TestServer(application) as other:
        findings = await examine(site, passwords, url=str(other.make_url("/ari")))
    assert findings[0] == "Asterisk is version 18.4.0; version 22.10 or a later 22 is required"


async def test_another_server_than_asterisk(site, passwords):
    async def hello(_):
        return web.Response(text="hello")

    application = web.Application()
    application.add_routes([web.get("/ari/asterisk/info", hello)])
    async with TestServer(application) as other:
        (finding,) = await examine(site, passwords, url=str(other.make_url("/ari")))
    assert "is not Asterisk" in finding
