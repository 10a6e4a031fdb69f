"""The service that ranks and takes outcomes. The only room that knows BentoML."""
