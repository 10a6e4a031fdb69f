"""Every route of the service in one table: the application, its documents and tests read it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from serving.payload import (
    DecisionAnswer,
    ModelAnswer,
    OutcomesAnswer,
    OutcomesRequest,
    PlanAnswer,
    RankAnswer,
    RankRequest,
    Role,
)
from serving.shift_payload import AssignAnswer, AssignRequest, ExposureAnswer

ANYONE: tuple[Role, ...] = ()
EVERY_ROLE = tuple(Role)
REPORT_READERS = (Role.VIEWER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Operation:
    """One route.

    Attributes
    ----------
    path
        As OpenAPI writes it.
    roles
        Roles that may call it; none = no key is needed.
    summary, notes
        What it does, in a line; what else a caller should know.
    takes, gives
        The structures of its body and answer; null where it is not JSON.
    media_type
        Content type of the answer.
    refusals
        Statuses other than `success`, beside 500.
    success
        Status where all is well.
    by_session
        Whether a browser's session opens it too, where its access key has one of the roles.
    """

    name: str
    method: str
    path: str
    roles: tuple[Role, ...]
    summary: str
    notes: str = ""
    takes: type[msgspec.Struct] | None = None
    gives: type[msgspec.Struct] | None = None
    media_type: str = "application/json"
    refusals: tuple[int, ...] = ()
    success: int = 200
    by_session: bool = False


_KEY = (401, 403)
_BODY = (400, 408, 413, 415, 422, 429, 503, 504)

OPERATIONS = (
    Operation(
        "rank",
        "POST",
        "/v1/rank",
        (Role.QUEUE, Role.ADMIN),
        "Rank decisions and select audits.",
        "With `capacity` (audits) or `minutes` (of audit work), as the plan counts, the request is "
        "a closed batch; with neither each decision is judged on its own against the threshold of "
        "the hour, which is made of the past (admission). Rows that break the contract are named "
        "in `rejected`, the others are ranked; 422 if none is left. Each draw is stored before the "
        "answer is sent. A decision ranked again keeps its random number, so that it gains no "
        "second chance, and `already_selected` says whether it was selected before. The rows may "
        "come as an Arrow stream or a Parquet file, with the capacity in the query; the answer is "
        "an Arrow stream where `Accept` prefers it.",
        RankRequest,
        RankAnswer,
        refusals=(*_KEY, *_BODY, 409),
    ),
    Operation(
        "outcomes",
        "POST",
        "/v1/outcomes",
        (Role.QUEUE, Role.AUDITOR, Role.ADMIN),
        "Report what audits found.",
        "The same outcome again changes nothing. Rows that cannot be taken are named in "
        "`rejected`, the others are kept. If none was taken: 409 where every row has other "
        "content under a used audit_id, else 422. The rows may come as an Arrow stream or a "
        "Parquet file, and the rejected ones go as an Arrow stream where `Accept` prefers it.",
        OutcomesRequest,
        OutcomesAnswer,
        refusals=(*_KEY, *_BODY, 409),
    ),
    Operation(
        "assign",
        "POST",
        "/v1/assign",
        (Role.QUEUE, Role.ADMIN),
        "Assign the audits that wait to the people on shift.",
        "Selected decisions that nobody audits yet and blind reviews that are due go to people who "
        "may audit them, within the limits of wellbeing.toml, and are stored before the answer is "
        "sent. A call again gives what is not assigned yet, beside what its people have open; what "
        "an earlier shift left undone goes back first. People who break the contract are named in "
        "`rejected`, the others are used; 422 if none is left. What nobody could be given is named "
        "with what stopped it. Individuals' exposure is told to the role admin alone.",
        AssignRequest,
        AssignAnswer,
        refusals=(*_KEY, *_BODY, 409),
    ),
    Operation(
        "exposure",
        "GET",
        "/v1/exposure",
        (Role.AUDITOR, Role.VIEWER, Role.ADMIN),
        "How much graphic material people had, as far as the caller may see it.",
        "A key of the role auditor that belongs to a person shows that person's days; a viewer "
        "sees how each day was spread over people and what is over a cap; an admin sees "
        "individuals too, or one of them (`auditor`), and each such look is kept.",
        gives=ExposureAnswer,
        refusals=(*_KEY, 422, 503, 504),
    ),
    Operation(
        "model",
        "GET",
        "/v1/model",
        EVERY_ROLE,
        "The model that answers, and its card.",
        gives=ModelAnswer,
        refusals=(*_KEY, 503, 504),
    ),
    Operation(
        "plan",
        "GET",
        "/v1/plan",
        EVERY_ROLE,
        "The plan by which audits are selected.",
        gives=PlanAnswer,
        refusals=(*_KEY, 503, 504),
    ),
    Operation(
        "decision",
        "GET",
        "/v1/decisions/{decision_id}",
        (Role.QUEUE, Role.AUDITOR, Role.ADMIN),
        "How often and how a decision was ranked.",
        "A slash in the id may stand as it is or as %2F.",
        gives=DecisionAnswer,
        refusals=(*_KEY, 404, 503, 504),
    ),
    Operation(
        "reports",
        "GET",
        "/reports/{path}",
        REPORT_READERS,
        "The reports, as pages.",
        "A browser without a session is led to /login, any other caller needs a key.",
        media_type="text/html",
        refusals=(*_KEY, 404, 503, 504),
        by_session=True,
    ),
    Operation(
        "login_page",
        "GET",
        "/login",
        ANYONE,
        "The page on which a browser logs in and out.",
        media_type="text/html",
        refusals=(503, 504),
    ),
    Operation(
        "login",
        "POST",
        "/login",
        ANYONE,
        "Begin a session of a browser with an access key.",
        "For the roles of the reports. It takes a form with the fields `key` and `next`, the page "
        "to go on to, and answers with a cookie that holds no key.",
        media_type="text/html",
        refusals=(*_KEY, 400, 408, 413, 415, 429, 503, 504),
        success=303,
    ),
    Operation(
        "logout",
        "POST",
        "/logout",
        ANYONE,
        "End the session of a browser.",
        media_type="text/html",
        refusals=(403, 503, 504),
        success=303,
    ),
    Operation("openapi", "GET", "/v1/openapi.json", ANYONE, "This description, as OpenAPI 3.1."),
    Operation(
        "docs", "GET", "/v1/docs", ANYONE, "This description, as a page.", media_type="text/html"
    ),
    Operation(
        "schema",
        "GET",
        "/schema.json",
        ANYONE,
        "The routes, as BentoML's client asks for them.",
    ),
    Operation(
        "livez", "GET", "/livez", ANYONE, "200 while the process lives.", media_type="text/plain"
    ),
    Operation("healthz", "GET", "/healthz", ANYONE, "The same as /livez.", media_type="text/plain"),
    Operation(
        "readyz",
        "GET",
        "/readyz",
        ANYONE,
        "200 while rankings can be answered and stored.",
        media_type="text/plain",
        refusals=(503,),
    ),
    Operation(
        "metrics", "GET", "/metrics", ANYONE, "Metrics for Prometheus.", media_type="text/plain"
    ),
)
