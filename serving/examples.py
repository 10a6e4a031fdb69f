"""Requests and answers that the documents show; a test sends them and compares their shape."""

from __future__ import annotations

from typing import Any

from serving.problem import TITLES

RANK_REQUEST: dict[str, Any] = {
    "capacity": 1,
    "decisions": [
        {
            "decision_id": "d-1001",
            "decided_at": "2026-03-01T09:30:00Z",
            "policy": "hate",
            "action": "remove",
            "moderator_id": "m-17",
            "language": "de",
            "automated_score": 0.31,
            "views": 5200,
            "text": "the content, where it may be used",
            "x_reporter_trust": 0.8,
        },
        {
            "decision_id": "d-1002",
            "decided_at": "2026-03-01T09:31:10Z",
            "policy": "spam",
            "action": "keep",
            "moderator_id": "m-04",
            "language": "en",
        },
    ],
}

_RISK = {"over_enforcement": 0.21, "under_enforcement": 0.0, "wrong_selection": 0.03}

RANK_ANSWER: dict[str, Any] = {
    "request_id": "6b1f0c5e0a3f4a39b9d9f0a1c2d3e4f5",
    "model_version": "3",
    "bundle_version": "9c41d0aa72be",
    "plan_version": "f3a9c1",
    "key_id": "k9f31c07a",
    "mode": "batch",
    "threshold": 0.0,
    "ranked": 1,
    "selected": 1,
    "decisions": [
        {
            "index": 0,
            "decision_id": "d-1001",
            "key_id": "k9f31c07a",
            "already_selected": False,
            "risk": _RISK,
            "overturn_probability": 0.24,
            "expected_harm": 0.3,
            "priority": 0.42,
            "rank": 1,
            "inclusion_probability": 1.0,
            "threshold": 0.0,
            "selected": True,
            "reason": "certain",
            "random_audit": False,
            "reasons": [
                {
                    "feature": "opinion_of_action",
                    "text": "second opinion on the action taken: 8 %",
                    "log_odds": 1.3,
                    "share": 0.6,
                }
            ],
        }
    ],
    "rejected": [
        {
            "index": 1,
            "field": "policy",
            "seen": "null",
            "expected": "a text that is not empty",
            "fault": "contract",
        }
    ],
}

OUTCOMES_REQUEST: dict[str, Any] = {
    "outcomes": [
        {
            "audit_id": "a-1",
            "decision_id": "d-1001",
            "audited_at": "2026-03-02T14:00:00Z",
            "verdict": "over_enforcement",
            "auditor_id": "q-2",
            "corrected_action": "keep",
            "inclusion_probability": 1.0,
            "minutes": 3.5,
        }
    ]
}

OUTCOMES_ANSWER: dict[str, Any] = {
    "request_id": "0d9c3a54f4b14b0c8e7b6a5948372615",
    "model_version": "3",
    "plan_version": "f3a9c1",
    "accepted": 1,
    "unchanged": 0,
    "rejected": [],
}

PROBLEM: dict[str, Any] = {
    "title": "The request breaks the contract",
    "status": 422,
    "detail": "decisions: 1 value breaks the contract. ...",
    "request_id": "c0ffee00c0ffee00c0ffee00c0ffee00",
    "rejected": [
        {
            "index": None,
            "field": "polcy",
            "seen": "a column that is not in the contract",
            "expected": "did you mean 'policy'? ...",
            "fault": "contract",
        }
    ],
}

MODEL_ANSWER: dict[str, Any] = {
    "model_version": "3",
    "bundle_version": "9c41d0aa72be",
    "plan_version": "f3a9c1",
    "card": {"learned_from": {"decisions": 41200, "outcomes": 2310}},
    "refused_update": None,
}

PLAN_ANSWER: dict[str, Any] = {
    "model_version": "3",
    "plan_version": "f3a9c1",
    "plan": {"capacity": 240},
}

_OFFER = RANK_ANSWER["decisions"][0]
_NOT_OF_AN_OFFER = ("index", "decision_id", "already_selected", "reasons")
DECISION_ANSWER: dict[str, Any] = {
    "decision_id": "d-1001",
    "selected": True,
    "inclusion_probability": 1.0,
    "offers": [
        {name: value for name, value in _OFFER.items() if name not in _NOT_OF_AN_OFFER}
        | {
            "request_id": RANK_ANSWER["request_id"],
            "selected_at": "2026-03-01T10:00:00Z",
            "model_version": "3",
            "plan_version": "f3a9c1",
        }
    ],
}

ASSIGN_REQUEST: dict[str, Any] = {
    "people": [
        {
            "auditor_id": "q-2",
            "hours": 6.5,
            "languages": ["de", "en"],
            "opted_out": ["animal_cruelty"],
            "most_graphic": 2,
            "team": "q-north",
            "graphic_minutes": 60,
        },
        {"auditor_id": "q-7", "minutes": 240},
    ]
}

ASSIGN_ANSWER: dict[str, Any] = {
    "request_id": "9a3e0c5e0a3f4a39b9d9f0a1c2d3e4f5",
    "model_version": "3",
    "plan_version": "f3a9c1",
    "day": "2026-03-02",
    "starts_at": "2026-03-02T08:00:00Z",
    "assigned": 1,
    "returned": 0,
    "waiting": 1,
    "overdue": 0,
    "share_of_bound": 0.997,
    "solved": True,
    "people": [
        {
            "index": 0,
            "auditor_id": "q-2",
            "assignments": [
                {
                    "assignment_id": "5e0c6b1f0a3f4a39b9d9f0a1c2d3e4f5",
                    "decision_id": "d-1001",
                    "kind": "audit",
                    "policy": "hate",
                    "language": "de",
                    "graphic_level": 2,
                    "starts_at": "2026-03-02T08:00:00Z",
                    "start_minute": 0.0,
                    "minutes": 4.5,
                    "break_before_minutes": 0.0,
                    "due_at": "2026-03-04T10:00:00Z",
                    "late": False,
                    "new": True,
                    "inclusion_probability": None,
                }
            ],
            "exposure": {
                "used_minutes": 4.5,
                "used_items": 1,
                "left_minutes": 55.5,
                "left_items": 59,
            },
        }
    ],
    "waiting_by": {"language": 1},
    "unplaced": [
        {
            "decision_id": "d-1007",
            "kind": "audit",
            "constraint": "language",
            "freed_by": "put somebody on shift who audits ja",
            "overdue": False,
        }
    ],
    "rejected": [],
}

_SPREAD = {"median": 22.5, "ninth_decile": 61.0, "highest": 88.0}

EXPOSURE_ANSWER: dict[str, Any] = {
    "since": "2026-03-02",
    "until": "2026-03-02",
    "caps": {"graphic_from": 2, "graphic_minutes_a_day": 120.0, "graphic_items_a_day": 60},
    "own": None,
    "days": [
        {
            "day": "2026-03-02",
            "people": 12,
            "graphic_people": 9,
            "minutes": 402.5,
            "items": 101,
            "over_minutes": 0,
            "over_items": 0,
            "minutes_of_people": _SPREAD,
            "items_of_people": {"median": 6.0, "ninth_decile": 15.0, "highest": 21.0},
        }
    ],
    "individuals": None,
}

_DETAILS = {
    400: "The body cannot be read as JSON: Input data was truncated.",
    401: "An access key is needed: send it as Authorization: Bearer KEY.",
    403: "Access key 9f31c07a has the role viewer; expected admin or queue.",
    404: "The store holds no decision of this id.",
    408: "The body took over 30 s to arrive.",
    409: "Every row has other content under an id that is already used; use new ids.",
    413: "The body is over 67,108,864 bytes; send fewer rows a call.",
    415: "Content-Type: saw 'text/plain'; expected application/json.",
    429: "66 calls are being worked on or wait; try again soon.",
    500: "The service met a fault of its own; it was logged under the request id.",
    503: "The store or the model cannot be used at the moment; the log says why.",
    504: "It took over 50 s and may be stored; the same request is safe.",
}


def problem_example(status: int) -> dict[str, Any]:
    """Return a refusal as its status is answered.

    Examples
    --------
    >>> problem_example(413)["title"]
    'The body is too long'
    """
    if status == PROBLEM["status"]:
        return PROBLEM
    told = {"title": TITLES[status], "status": status, "detail": _DETAILS[status]}
    return PROBLEM | told | {"rejected": []}


REQUESTS = {"rank": RANK_REQUEST, "outcomes": OUTCOMES_REQUEST, "assign": ASSIGN_REQUEST}
ANSWERS = {
    "rank": RANK_ANSWER,
    "outcomes": OUTCOMES_ANSWER,
    "assign": ASSIGN_ANSWER,
    "exposure": EXPOSURE_ANSWER,
    "model": MODEL_ANSWER,
    "plan": PLAN_ANSWER,
    "decision": DECISION_ANSWER,
}
