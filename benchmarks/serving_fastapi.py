"""A peer: the booster behind FastAPI and pydantic, as one would write it in an afternoon.

It stands alone, in an environment of its own: nothing of Second Look is imported.
``python serving_fastapi.py MODEL.txt PORT``.
"""

from __future__ import annotations

import sys

import fastapi
import lightgbm as lgb
import numpy as np
import pydantic
import uvicorn

PATH = "/predict"


class Rows(pydantic.BaseModel):
    """Features of decisions, a list a row; null = not known."""

    rows: list[list[float | None]]


class Predictions(pydantic.BaseModel):
    """P(overturn) of each row."""

    predictions: list[float]


def build_app(booster: lgb.Booster) -> fastapi.FastAPI:
    """Return the application."""
    app = fastapi.FastAPI()

    @app.post(PATH)
    def predict(given: Rows) -> Predictions:
        matrix = np.array(given.rows, dtype=float)
        return Predictions(predictions=booster.predict(matrix, num_threads=1).tolist())

    return app


if __name__ == "__main__":
    app = build_app(lgb.Booster(model_file=sys.argv[1]))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=False, log_level="warning")
