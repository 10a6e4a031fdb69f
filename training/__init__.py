"""Split in time, fit, evaluate, register. The only room that knows MLflow."""
