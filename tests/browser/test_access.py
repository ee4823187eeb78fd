"""Access to the page and to the socket."""

import stat

import pytest
from aiohttp import ClientSession, CookieJar, WSServerHandshakeError

from ivr.console.access import access, load_token

TOKEN = "correct-horse"


async def test_on_this_machine_no_token_is_needed(serve, sessions, http):
    async with http.get(await serve(sessions.answer) + "/phone") as response:
        assert response.status == 200


@pytest.mark.parametrize("host", ["localhost:80", "127.0.0.1", "127.8.9.1:8080", "[::1]:8080", "LOCALHOST"])
async def test_every_name_of_this_machine_is_accepted(serve, sessions, http, host):
    async with http.get(await serve(sessions.answer) + "/phone", headers={"Host": host}) as response:
        assert response.status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.5:8080", "[::1", ""])
@pytest.mark.parametrize("path", ["/phone", "/phone/flows", "/phone/socket"])
async def test_a_name_rebound_to_this_machine_is_refused(serve, sessions, http, host, path):
    async with http.get(await serve(sessions.answer) + path, headers={"Host": host}) as response:
        assert response.status in (400, 403)


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_socket_opened_by_another_sites_page_is_refused(serve, sessions, http, token):
    address = await serve(sessions.answer, token=token)
    headers = {"Origin": "https://evil.example", "Authorization": f"Bearer {TOKEN}"}
    with pytest.raises(WSServerHandshakeError) as refused:
        await http.ws_connect(address + "/phone/socket", headers=headers)
    assert refused.value.status == 403


@pytest.mark.parametrize("origin", ["null", "http://127.0.0.1:1"])
async def test_another_port_and_a_null_origin_are_other_sites(serve, sessions, http, origin):
    with pytest.raises(WSServerHandshakeError) as refused:
        await http.ws_connect(await serve(sessions.answer) + "/phone/socket", headers={"Origin": origin})
    assert refused.value.status == 403


async def test_a_socket_opened_by_our_own_page_is_accepted(serve, sessions, http):
    address = await serve(sessions.answer)
    async with http.ws_connect(address + "/phone/socket", headers={"Origin": address}) as socket:
        assert not socket.closed


@pytest.mark.parametrize("path", ["/phone", "/phone/flows", "/phone/static/index.html", "/phone/socket"])
@pytest.mark.parametrize("shown", ["", "wrong", "é", TOKEN + "x"])
async def test_without_the_right_token_nothing_is_shown(serve, sessions, http, path, shown):
    address = await serve(sessions.answer, token=TOKEN)
    for request in (
        http.get(address + path, params={"token": shown}),
        http.get(address + path, headers={"Authorization": f"Bearer {shown}".encode().decode("latin-1").strip()}),
        http.get(address + path, cookies={"huifang_token": shown}),
    ):
        async with request as response:
            assert response.status == 401
            assert TOKEN not in await response.text()


async def test_the_token_in_the_address_is_kept_in_a_cookie_that_scripts_cannot_read(serve, sessions):
    address = await serve(sessions.answer, token=TOKEN)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        async with http.get(address + "/phone", params={"token": TOKEN}) as response:
            assert response.status == 200
            cookie = response.cookies["huifang_token"]
            assert cookie["httponly"] and cookie["samesite"] == "Strict"
        async with http.get(address + "/phone") as again:
            assert again.status == 200
        async with http.ws_connect(address + "/phone/socket") as socket:
            assert not socket.closed


async def test_a_program_may_send_the_token_in_a_header(serve, sessions, http):
    address = await serve(sessions.answer, token=TOKEN)
    async with http.get(address + "/phone", headers={"Authorization": f"bearer {TOKEN}"}) as response:
        assert response.status == 200
        assert "huifang_token" not in response.cookies


async def test_with_a_token_any_host_name_is_accepted(serve, sessions, http):
    address = await serve(sessions.answer, token=TOKEN)
    headers = {"Host": "phone.example", "Origin": "https://phone.example", "Authorization": f"Bearer {TOKEN}"}
    async with http.ws_connect(address + "/phone/socket", headers=headers) as socket:
        assert not socket.closed


async def test_only_public_paths_are_open(guarded, http):
    address = await guarded(access(TOKEN, public=("/health",)))
    for path, status in (("/health", 200), ("/health/deep", 200), ("/healthy", 401), ("/", 401)):
        async with http.get(address + path) as response:
            assert (path, response.status) == (path, status)


def test_the_token_is_created_once_and_only_its_owner_can_read_it(tmp_path):
    folder = tmp_path / "var"
    token = load_token(folder)
    assert len(token) >= 40
    assert load_token(folder) == token
    assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["token"]


def test_two_folders_have_two_tokens(tmp_path):
    assert load_token(tmp_path / "a") != load_token(tmp_path / "b")
