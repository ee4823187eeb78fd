"""`/api/v1/complaints` over HTTP: what each role sees, and refusals with their reasons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, CookieJar, web

from ivr.complaints.case_queries import CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.complaints.rulebook import load
from ivr.console.access import access
from ivr.console.complaints import CasesApi
from ivr.records.call_records import CallRecords
from ivr.resource_files import ROOT
from tests.complaints.people import after, complain

MANAGEMENT = {"Authorization": "Bearer of-the-management"}


class Api:
    """The service's cases, and an HTTP client of them."""

    def __init__(self, records: CallRecords, session: ClientSession) -> None:
        self.records, self._session = records, session

    async def get(self, path: str = "", **options: Any) -> tuple[int, Any]:
        async with self._session.get(f"/api/v1/complaints{path}", **options) as response:
            return response.status, await _body_of(response)

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        headers = body.pop("headers", {})
        async with self._session.post(f"/api/v1/complaints/{path}", json=body, headers=headers) as response:
            return response.status, await _body_of(response)


async def _body_of(response: Any) -> Any:
    return await response.json() if response.content_type == "application/json" else await response.text()


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    rules = load(ROOT / "lines.yaml", ROOT / "calendar.yaml")
    records = await CallRecords.open(f"sqlite:///{tmp_path}/records.db", rules=rules)
    case_service, queries = CaseService(records.database, rules), CaseQueries(records.database)
    app = web.Application(middlewares=[access(None, management="of-the-management")])
    app.add_routes(CasesApi(case_service, queries, {}, lambda: after(hours=1)).routes())
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with ClientSession(address, cookie_jar=CookieJar(unsafe=True)) as session:
        yield Api(records, session)
    await runner.cleanup()
    await records.close()


async def test_cases_are_listed_and_shown_with_their_possible_moves(api: Api) -> None:
    number = await complain(api.records, branch="dalian", phone="13812345678", cues="媒体")
    status, listed = await api.get()
    assert status == 200 and [case["number"] for case in listed["complaints"]] == [number]
    status, shown = await api.get(f"/{number}")
    assert status == 200
    assert shown["details"] == {"branch": "dalian", "phone": "+8613812345678", "cues": "媒体"}
    assert (shown["line"], shown["grade"], shown["contact_due"]) == ("supervision", "serious", "2026-11-24T04:00:00Z")
    assert shown["legal"] == ["acknowledge", "escalate", "report"]
    assert [step["what"] for step in shown["steps"]] == ["registered", "reported"]


async def test_cases_are_listed_with_filters(api: Api) -> None:
    numbers = [await complain(api.records, call=f"call-{n}", branch="dalian") for n in (1, 2, 3)]
    assert (await api.get(params={"line": "aid_shenyang"}))[1] == {"complaints": []}
    status, listed = await api.get(params={"line": "aid_dalian", "limit": "1", "before": numbers[2]})
    assert status == 200 and [case["number"] for case in listed["complaints"]] == [numbers[1]]


async def test_a_case_is_moved_and_graded(api: Api) -> None:
    number = await complain(api.records, branch="dalian")
    status, moved = await api.post(f"{number}/moves", move="acknowledge", who="王")
    assert (status, moved["state"], moved["legal"]) == (200, "acknowledged", ["assign", "escalate", "report"])
    status, moved = await api.post(f"{number}/moves", move="assign", who="王", handler="李")
    assert (status, moved["handler"]) == (200, "李")
    status, graded = await api.post(f"{number}/grade", grade="serious", who="王", why="记者")
    assert (status, graded["grade"], graded["grade_by"], graded["line"]) == (200, "serious", "王", "supervision")


async def test_a_refused_move_gives_the_reason_and_the_possible_moves(api: Api) -> None:
    number = await complain(api.records, branch="dalian")
    status, refused = await api.post(f"{number}/moves", move="archive", who="王")
    assert (status, refused["legal"]) == (409, ["acknowledge", "escalate", "report"])
    assert refused["refused"].startswith("“archive” is not possible for a case that is registered; possible now:")
    assert (await api.get(f"/{number}"))[1]["state"] == "registered"


@pytest.mark.parametrize(
    ("path", "body", "fault"),
    [
        ("moves", {"move": "fly", "who": "王"}, "move"),
        ("moves", {"move": "acknowledge"}, "who"),
        ("moves", {"move": "acknowledge", "who": " "}, "who"),
        ("moves", {"move": "acknowledge", "who": "王", "at": "now"}, "at"),
        ("grade", {"grade": "serious", "who": "王"}, "why"),
        ("grade", {"grade": "awful", "who": "王", "why": "x"}, "grade"),
        ("grade", {"grade": "serious", "who": "王\0", "why": "x"}, "who"),
        ("moves", {"move": "acknowledge", "who": "王", "why": "\0"}, "why"),
    ],
)
async def test_an_invalid_request_is_refused_with_its_path(
    api: Api, path: str, body: dict[str, str], fault: str
) -> None:
    number = await complain(api.records, branch="dalian")
    status, refused = await api.post(f"{number}/{path}", **body)
    assert status == 422 and [one["path"] for one in refused["faults"]] == [fault]


@pytest.mark.parametrize("params", [{"limit": "0"}, {"state": "lost"}, {"since": "2026-11-24"}, {"colour": "red"}])
async def test_an_invalid_filter_is_refused(api: Api, params: dict[str, str]) -> None:
    status, refused = await api.get(params=params)
    assert status == 422 and [one["path"] for one in refused["faults"]] == list(params)


async def test_an_unknown_case_is_not_found(api: Api) -> None:
    assert await api.get("/20261124-0009") == (404, "there is no case 20261124-0009\n")
    assert (await api.post("20261124-0009/moves", move="acknowledge", who="王"))[0] == 404


async def test_only_the_management_token_shows_a_report(api: Api) -> None:
    number = await complain(api.records, "fraud")
    assert await api.get(f"/{number}") == (404, f"there is no case {number}\n")
    assert await api.get() == (200, {"complaints": []})
    assert (await api.get(headers={"Authorization": "Bearer wrong"}))[1] == {"complaints": []}
    assert (await api.post(f"{number}/moves", move="acknowledge", who="王"))[0] == 404
    assert (await api.get(f"/{number}", headers=MANAGEMENT))[1]["kind"] == "fraud"
    assert [case["number"] for case in (await api.get(headers=MANAGEMENT))[1]["complaints"]] == [number]
    status, moved = await api.post(f"{number}/moves", move="acknowledge", who="行长", headers=MANAGEMENT)
    assert (status, moved["state"]) == (200, "acknowledged")


async def test_a_link_with_the_managements_token_lists_reports_then_and_later(api: Api) -> None:
    number = await complain(api.records, "fraud")
    status, listed = await api.get(params={"token": "of-the-management", "kind": "fraud"})
    assert status == 200 and [case["number"] for case in listed["complaints"]] == [number]
    assert (await api.get(f"/{number}"))[0] == 200


async def test_a_case_reported_by_staff_disappears_with_the_response(api: Api) -> None:
    number = await complain(api.records, branch="dalian")
    assert await api.post(f"{number}/moves", move="report", who="王", why="柜员挪用") == (204, "")
    assert (await api.get(f"/{number}"))[0] == 404
    assert (await api.get(f"/{number}", headers=MANAGEMENT))[1]["kind"] == "fraud"


async def test_the_management_token_also_grants_access_where_a_token_is_required() -> None:
    app = web.Application(middlewares=[access("of-the-staff", management="of-the-management")])
    app.router.add_get("/", _hello)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as session:
        statuses = []
        for token in ("of-the-staff", "of-the-management", "of-nobody"):
            async with session.get("/", headers={"Authorization": f"Bearer {token}"}) as response:
                statuses.append(response.status)
    await runner.cleanup()
    assert statuses == [200, 200, 401]


async def _hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")
