"""`dropcopy process`."""

from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer()


@app.command()
def process(
    member: Annotated[int | None, typer.Option(hidden=True, help="Which of a worker's processes this one is.")] = None,
) -> None:
    """Run a processor: joins frames and submissions, exactly once. Several share the load.

    DROPCOPY_PROCESSES=2 has it run on two cores.
    """
    from uuid import uuid4

    from dropcopy.logs import configure_logs
    from dropcopy.registry import schema_ids
    from dropcopy.settings import Settings
    from dropcopy.topics import require_topics, wanted_topics
    from processors.app import Processor, mapped_venues, run
    from processors.members import end_with_worker, member_settings, run_members
    from schemas.topics import STATE, SUBMITTED, frames_topic, topics

    settings = Settings.load()
    if member is not None:
        end_with_worker()
        settings = member_settings(settings, member)
        configure_logs(settings, member=member)
    else:
        configure_logs(settings)
    venues = mapped_venues()
    if member is None:  # else its worker has just seen that they are there
        # An account's partition is computed, so a wrong count would take every submission for one that lies wrongly.
        together = {SUBMITTED.name, STATE.name, *(frames_topic(venue).name for venue in venues)}
        require_topics(settings, wanted_topics(settings, venues), together)
    ids = schema_ids(settings, topics(venues))
    if settings.processes > 1:
        raise typer.Exit(run_members(settings.processes))
    raise typer.Exit(run(Processor(settings, ids, settings.worker_id or uuid4().hex)))
