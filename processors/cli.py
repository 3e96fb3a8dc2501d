"""`dropcopy process`."""

import typer

__all__ = ["app"]

app = typer.Typer()


@app.command()
def process() -> None:
    """Run a processor: joins frames and submissions, exactly once. Several share the load."""
    from uuid import uuid4

    from dropcopy.kafka import reach_cluster
    from dropcopy.logs import configure_logs
    from dropcopy.registry import schema_ids
    from dropcopy.settings import Settings
    from processors.app import Processor, mapped_venues, run
    from schemas.topics import topics

    settings = Settings.load()
    configure_logs(settings)
    reach_cluster(settings)
    ids = schema_ids(settings, topics(mapped_venues()))
    raise typer.Exit(run(Processor(settings, ids, settings.worker_id or uuid4().hex)))
