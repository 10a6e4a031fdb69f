"""A whole backlog ranked as one batch, without the service: however many decisions it has."""
