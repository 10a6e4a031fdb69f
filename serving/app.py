"""The application: routes to answers. Every request is answered, and every refusal explained."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, compile_path
from starlette.types import Receive, Scope, Send

from serving.answer_types import encoder
from serving.assign import assign_audits
from serving.bodies import Sent
from serving.counting import count_outcomes, count_ranking
from serving.documents import bentoml_schema, openapi_page
from serving.exposure import exposure_of, looked_for
from serving.heartbeat import state_of
from serving.idempotency import REPLAYED, Keep, Once
from serving.inquiries import decision_of, model_of, plan_of
from serving.login import log_in, log_out, login_page, page_for
from serving.openapi import openapi_document
from serving.operations import ANYONE, OPERATIONS, Operation
from serving.outcomes import take_outcomes
from serving.payload import OutcomesAnswer, OutcomesRequest, RankAnswer, RankRequest, Role
from serving.problem import Problem, problem_of
from serving.programme import Programme
from serving.rank import rank
from serving.reports import report_response
from serving.shift_payload import AssignAnswer, AssignRequest
from serving.visit import Front, Visit, open_desk, request_id_of
from serving.workplace import Workplace

Answer = Callable[[Visit], Awaitable[Response]]
Given = TypeVar("Given")

_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOWHERE = Operation("nowhere", "*", "(no such route)", ANYONE, "Anything else.")


def build_app(front: Front) -> Starlette:
    """Return the application that answers with `front`."""
    register_url_convertor("rest", _Rest())
    routes = [
        Route(_starlette_path(o), _endpoint(o, _ANSWERS[o.name]), methods=[o.method])
        for o in OPERATIONS
        if o.name in _ANSWERS
    ]
    routes += [
        Route("/", _to_docs),
        Route("/reports", _to_reports),
        Route("/{path:rest}", _Nowhere()),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _lost})
    app.state.front = front
    app.state.desk = open_desk(front.limits)
    return app


def _endpoint(operation: Operation, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await _answered(_visit(request, operation), answer)

    return endpoint


def _visit(request: Request, operation: Operation) -> Visit:
    state, given = request.app.state, request.headers.get("x-request-id")
    return Visit(request, operation, state.front, state.desk, request_id_of(given))


async def _answered(visit: Visit, answer: Answer) -> Response:
    """Answer, whatever happens; an exception that left here would hang in BentoML's middleware."""
    try:
        response = await _answer_or_refusal(visit, answer)
    except Exception as error:
        visit.tell_fault(error)
        response = visit.refused(Problem(500, "The service met a fault while answering."))
    response.headers["X-Request-ID"] = visit.request_id
    for name, value in _SAFE_HEADERS.items():
        response.headers.setdefault(name, value)
    visit.tell(response.status_code)
    return response


async def _answer_or_refusal(visit: Visit, answer: Answer) -> Response:
    try:
        await visit.authorise()
        return await answer(visit)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is there to read it
    except Exception as error:
        problem = problem_of(error)
        if problem.status == 500:
            visit.tell_fault(error)
        elif problem.status == 503:
            visit.tell_absence(error)
        return page_for(visit, problem) or visit.refused(problem)


async def _rank(visit: Visit) -> Response:
    sent = await visit.sent()
    request = await visit.read(sent, RankRequest)
    visit.rows = len(request.decisions)

    def ranked(programme: Programme, keep: Keep[RankAnswer] | None) -> RankAnswer:
        now = datetime.now(UTC)
        answer = rank(request, programme, request_id=visit.request_id, now=now, keep=keep)
        visit.rejected = len(answer.rejected)
        count_ranking(visit.front.metrics, visit.operation.path, request, programme.plan, answer)
        return answer

    return await _once(visit, sent, ranked)


async def _outcomes(visit: Visit) -> Response:
    sent = await visit.sent()
    request = await visit.read(sent, OutcomesRequest)
    visit.rows = len(request.outcomes)

    def taken(programme: Programme, keep: Keep[OutcomesAnswer] | None) -> OutcomesAnswer:
        now = datetime.now(UTC)
        answer = take_outcomes(request, programme, request_id=visit.request_id, now=now, keep=keep)
        visit.rejected = len(answer.rejected)
        count_outcomes(visit.front.metrics, visit.operation.path, answer)
        return answer

    return await _once(visit, sent, taken)


async def _assign(visit: Visit) -> Response:
    sent = await visit.sent()
    request = await visit.read(sent, AssignRequest)
    visit.rows = len(request.people)
    sees_individuals = visit.key is not None and visit.key.role == Role.ADMIN

    def assigned(programme: Programme, keep: Keep[AssignAnswer] | None) -> AssignAnswer:
        answer = assign_audits(
            request,
            Workplace.of(programme),
            request_id=visit.request_id,
            now=datetime.now(UTC),
            keep=keep,
            with_exposure=sees_individuals,
        )
        visit.rejected = len(answer.rejected)
        visit.front.metrics.count_rows(visit.operation.path, "assigned", answer.assigned)
        visit.front.metrics.count_rejected(visit.operation.path, answer.rejected)
        return answer

    return await _once(visit, sent, assigned, media_type="application/json")


async def _exposure(visit: Visit) -> Response:
    query, key = visit.request.query_params, visit.key
    if key is None:
        raise AssertionError("the route is open to keys alone")

    def looked_up() -> bytes:
        workplace = Workplace.of(visit.front.standing.programme())
        now = datetime.now(UTC)
        looked = looked_for(query, now=now, key=workplace.pseudonym_key)
        return msgspec.json.encode(exposure_of(looked, workplace, key=key, now=now))

    return _json(await visit.work(looked_up))


async def _once(
    visit: Visit,
    sent: Sent,
    work: Callable[[Programme, Keep[Given] | None], Given],
    *,
    media_type: str | None = None,
) -> Response:
    """Answer by what `work` returns, or as the same request was answered before.

    Parameters
    ----------
    media_type
        Of the answer; null = the one that the caller wants.
    """
    asked, answers, wanted = visit.asked(sent), visit.desk.answers, media_type or visit.wanted

    def answered() -> Once:
        programme = visit.front.standing.programme()
        return answers.once(asked, programme.store, partial(work, programme), encoder(wanted))

    once = await visit.work(answered)
    response = Response(once.content, media_type=wanted)
    if once.replayed:
        response.headers[REPLAYED] = "true"
    return response


async def _model(visit: Visit) -> Response:
    standing = visit.front.standing
    answer = await visit.look_up(lambda: model_of(standing.programme(), standing.refused_update))
    return _json(msgspec.json.encode(answer))


async def _plan(visit: Visit) -> Response:
    standing = visit.front.standing
    return _json(msgspec.json.encode(await visit.look_up(lambda: plan_of(standing.programme()))))


async def _decision(visit: Visit) -> Response:
    standing, decision_id = visit.front.standing, visit.request.path_params["decision_id"]
    answer = await visit.look_up(lambda: decision_of(standing.programme(), decision_id))
    return _json(msgspec.json.encode(answer))


async def _reports(visit: Visit) -> Response:
    return await report_response(visit.front.reports, visit.request, visit.session)


async def _openapi(visit: Visit) -> Response:
    return _json(msgspec.json.encode(openapi_document()))


async def _schema(visit: Visit) -> Response:
    return _json(msgspec.json.encode(bentoml_schema()))


async def _docs(visit: Visit) -> Response:
    csp = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    headers = {"Content-Security-Policy": csp}
    return Response(openapi_page(), 200, headers, "text/html; charset=utf-8")


async def _metrics(visit: Visit) -> Response:
    front, desk = visit.front, visit.desk
    text = await visit.look_up(lambda: front.metrics.text(state_of(front, desk)))
    return Response(text, media_type=front.metrics.content_type)


_ANSWERS: dict[str, Answer] = {
    "rank": _rank,
    "outcomes": _outcomes,
    "assign": _assign,
    "exposure": _exposure,
    "model": _model,
    "plan": _plan,
    "decision": _decision,
    "reports": _reports,
    "login_page": login_page,
    "login": log_in,
    "logout": log_out,
    "openapi": _openapi,
    "schema": _schema,
    "docs": _docs,
    "metrics": _metrics,
}
"""Answers by operation; /livez, /healthz and /readyz are BentoML's own."""


async def _to_docs(request: Request) -> Response:
    return RedirectResponse("v1/docs", headers=_SAFE_HEADERS)


async def _to_reports(request: Request) -> Response:
    return RedirectResponse("reports/", headers=_SAFE_HEADERS)


async def _lost(request: Request, error: Exception) -> Response:
    return await _answered(_visit(request, _NOWHERE), _raiser(error))


class _Rest(Convertor[str]):
    """All that is left of a path; Starlette's own ends at a line break."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Nowhere:
    """Answers every other path, so that no page of BentoML's with third-party frames is served."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        allowed = ", ".join(
            o.method
            for o in OPERATIONS
            if compile_path(_starlette_path(o))[0].match(request.url.path)
        )
        error = (
            HTTPException(405, f"This route takes {allowed}.", {"Allow": allowed})
            if allowed
            else HTTPException(404, "There is no such route; /v1/docs lists them.")
        )
        response = await _answered(_visit(request, _NOWHERE), _raiser(error))
        await response(scope, receive, send)


def _raiser(error: Exception) -> Answer:
    async def answer(visit: Visit) -> Response:
        raise error

    return answer


def _starlette_path(operation: Operation) -> str:
    """Return the path as Starlette writes it; a last part may hold slashes."""
    return operation.path.removesuffix("}") + ":rest}" if "{" in operation.path else operation.path


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
