"""`/api/v1/complaints`: list, show, move and grade cases. Must not know: the rules, how cases are stored."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Annotated, Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ivr.complaints.case_queries import CaseFilter, CaseQueries
from ivr.complaints.case_service import CaseService
from ivr.complaints.rules.case import CaseFile, ReaderRole, UnknownCase, plain
from ivr.complaints.rules.life import CaseMove, RefusedMove, legal_moves
from ivr.complaints.rules.model import Grade
from ivr.console.access import LINK_PARAMETER, role
from ivr.console.faults import faults
from ivr.console.sse import KEEPALIVE, SseStreams, disconnect, encode_event, last_event_id, with_keepalives
from ivr.errors import HuifangError
from ivr.live.feed_event import FeedEvent
from ivr.live.feed_reader import Delivery, FeedReader

_NO_NUL = r"^[^\x00]*$"
"""The database cannot store the character NUL."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=_NO_NUL)]
PersonName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_NO_NUL)]


class _RequestBody(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseListing(CaseFilter):
    """The query of a list of cases: filter, maximum number, start of the page."""

    limit: int = Field(50, ge=1, le=500)
    before: str | None = None


class MoveRequest(_RequestBody):
    """A move of a case, and who makes it."""

    move: CaseMove
    who: PersonName
    why: Text = ""
    handler: Text = ""


class GradeRequest(_RequestBody):
    """The grade to set, by whom and why."""

    grade: Grade
    who: PersonName
    why: PersonName


Body = TypeVar("Body", bound=_RequestBody)


class CasesApi:
    """The API of cases; the management token gives access to confidential ones."""

    def __init__(
        self,
        case_service: CaseService,
        queries: CaseQueries,
        readers: Mapping[ReaderRole, FeedReader],
        now: Callable[[], datetime],
    ) -> None:
        self._case_service, self._queries, self._readers, self._now = case_service, queries, readers, now
        self._streams = SseStreams()

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes: GET /api/v1/complaints, …/events and …/{number}, POST …/{number}/moves and …/grade."""
        one = "/api/v1/complaints/{number}"
        return [
            web.get("/api/v1/complaints", _with_error_responses(self._list)),
            web.get("/api/v1/complaints/events", _with_error_responses(self._events)),
            web.get(one, _with_error_responses(self._show)),
            web.post(f"{one}/moves", _with_error_responses(self._move)),
            web.post(f"{one}/grade", _with_error_responses(self._grade)),
        ]

    async def close(self, application: web.Application) -> None:
        """End the event streams when the service stops."""
        await self._streams.close(application)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Serve the steps of all cases visible to the reader as server-sent events."""
        reader, after = self._readers[role(request)], last_event_id(request)
        after = after or await reader.feed.newest()
        return await self._streams.serve(request, _steps(reader.events(after, _is_step, partial(disconnect, request))))

    async def _list(self, request: web.Request) -> web.Response:
        requested = CaseListing.model_validate(
            {key: text for key, text in request.query.items() if key != LINK_PARAMETER}
        )
        cases = await self._queries.cases(requested, role(request), requested.limit, requested.before)
        return web.json_response({"complaints": [plain(case) for case in cases]})

    async def _show(self, request: web.Request) -> web.Response:
        file = await self._queries.case(request.match_info["number"], role(request))
        return _file_response(file)

    async def _move(self, request: web.Request) -> web.Response:
        requested, number = await _body(MoveRequest, request), request.match_info["number"]
        file = await self._case_service.move(
            number,
            requested.move,
            requested.who,
            requested.why,
            self._now(),
            handler=requested.handler,
            role=role(request),
        )
        if file is None:
            return web.Response(status=204)
        return _file_response(file)

    async def _grade(self, request: web.Request) -> web.Response:
        requested, number = await _body(GradeRequest, request), request.match_info["number"]
        file = await self._case_service.regrade(
            number, requested.grade, requested.who, requested.why, self._now(), role(request)
        )
        return _file_response(file)


def _is_step(event: FeedEvent) -> bool:
    return event.kind == "case"


async def _steps(events: AsyncGenerator[Delivery, None]) -> AsyncGenerator[bytes, None]:
    """Yield the messages of steps, with keepalives in between."""
    yield KEEPALIVE
    async with aclosing(with_keepalives(events)) as following:
        async for each in following:
            if each is None:
                yield KEEPALIVE
            else:
                yield encode_event(str(each[1].data.get("what")), _step_json(each[1]), each[0])


def _step_json(event: FeedEvent) -> dict[str, Any]:
    about = {"call": event.call, "line": event.line}
    return {"event": "case", "id": event.id, "at": event.at.isoformat(), "case": event.case, **about, **event.data}


def _file_response(file: CaseFile) -> web.Response:
    return web.json_response({**plain(file), "legal": legal_moves(file.case.state)})


async def _body(shape: type[Body], request: web.Request) -> Body:
    return shape.model_validate_json(await request.read())


def _with_error_responses(handler: Handler) -> Handler:
    """Wrap a handler so that its errors become responses with status 404, 409, 422 or 503 and the reason."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ValidationError as invalid:
            return web.json_response({"faults": faults(invalid)}, status=422)
        except UnknownCase as unknown:
            raise web.HTTPNotFound(text=f"{unknown}\n") from unknown
        except RefusedMove as refused:
            return web.json_response({"refused": str(refused), "legal": refused.legal}, status=409)
        except HuifangError as fault:
            raise web.HTTPServiceUnavailable(text=f"{fault}\n") from fault

    return answer
