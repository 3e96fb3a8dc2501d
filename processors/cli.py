"""`dropcopy process`."""

import typer

__all__ = ["app"]

app = typer.Typer()


@app.command()
def process() -> None:
    """Run a processor: joins frames and submissions, exactly once. Several share the load."""
    from uuid import uuid4

    from dropcopy.logs import configure_logs
    from dropcopy.registry import schema_ids
    from dropcopy.settings import Settings
    from dropcopy.topics import require_topics, wanted_topics
    from processors.app import Processor, mapped_venues, run
    from schemas.topics import STATE, SUBMITTED, frames_topic, topics

    settings = Settings.load()
    configure_logs(settings)
    venues = mapped_venues()
    # An account's partition is computed, so a wrong count would take every submission for one that lies wrongly.
    together = {SUBMITTED.name, STATE.name, *(frames_topic(venue).name for venue in venues)}
    require_topics(settings, wanted_topics(settings, venues), together)
    ids = schema_ids(settings, topics(venues))
    raise typer.Exit(run(Processor(settings, ids, settings.worker_id or uuid4().hex)))
