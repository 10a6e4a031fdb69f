"""The commands of the front door, a module a room; `secondlook` puts them together.

A command reads its arguments and calls a plain function of a room, which it imports itself: MLflow
and Evidently take seconds, so a room is opened only by the command that needs it.
"""
