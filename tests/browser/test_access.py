"""Access to the page and to the socket."""

import asyncio
import stat

import pytest
from aiohttp import ClientSession, CookieJar, WSServerHandshakeError, web

from ivr.console.access import access, load_token, role

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


@pytest.mark.parametrize("origin", ["null", "http://127.0.0.1:1", "http://[::1", "http://a℀b", "file://"])
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


@pytest.mark.parametrize(
    "line",
    [
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: \xff",
        b"authorization: bearer " + TOKEN.encode() + b"\xe9",
        b"Cookie: huifang_token=\xff",
    ],
)
@pytest.mark.parametrize("management", [None, "of-the-management"])
async def test_a_token_that_is_not_utf_8_is_a_wrong_one(guarded, line, management):
    address = await guarded(access(TOKEN, management=management))
    assert await status_of_raw(address, "/", line) == 401


@pytest.mark.parametrize("token", ["%FF", "%ED%A0%80", TOKEN + "%FF"])
async def test_a_token_in_the_address_that_is_not_utf_8_is_a_wrong_one(guarded, token):
    assert await status_of_raw(await guarded(access(TOKEN)), f"/?token={token}", b"Accept: */*") == 401


async def status_of_raw(address, path, line):
    """The status of a request with a header line that no client library would send."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
    writer.write(head.encode() + line + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1])


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


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_management_token_in_the_address_signs_in_as_management(guarded, token):
    address = await guarded(access(token, management="of-the-management"), answer=tell_role)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        async with http.get(address, params={"token": "of-the-management"}) as response:
            assert await response.text() == "management"
            cookie = response.cookies["huifang_token"]
            assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("of-the-management", True, "Strict")
        async with http.get(address) as again:
            assert await again.text() == "management"


async def test_the_staffs_token_in_the_address_signs_in_as_staff(guarded):
    address = await guarded(access(TOKEN, management="of-the-management"), answer=tell_role)
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        for shown in ({"token": TOKEN}, {}):
            async with http.get(address, params=shown) as response:
                assert (response.status, await response.text()) == (200, "staff")


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_wrong_token_in_the_address_signs_nobody_in(guarded, http, token):
    address = await guarded(access(token, management="of-the-management"), answer=tell_role)
    headers = {"Authorization": "Bearer of-the-management"}
    async with http.get(address, params={"token": "wrong"}, headers=headers) as response:
        assert (response.status, await response.text()) == (200, "management")
        assert "huifang_token" not in response.cookies


async def tell_role(request):
    return web.Response(text=role(request))


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
