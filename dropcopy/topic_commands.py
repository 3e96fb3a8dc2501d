"""`dropcopy topics create|list|check`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(name="topics", help="Create, list and check the topics and their schemas.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


@app.command()
def create() -> None:
    """Create the topics that are missing and register every schema; what is there stays as it is."""
    from dropcopy.settings import Settings
    from dropcopy.topics import create_topics, installed_venues, wanted_topics

    settings = Settings.load()
    created = create_topics(settings, wanted_topics(settings, installed_venues()))
    for name in created:
        typer.echo(name)
    typer.echo(f"{len(created)} topics created, all schemas registered", err=True)


@app.command("list")
def list_topics(as_json: AsJson = False) -> None:
    """Print every topic: what it is for, its key and schema, and whether it is on the cluster."""
    from dropcopy.kafka import reach_cluster
    from dropcopy.settings import Settings
    from dropcopy.tables import print_table
    from dropcopy.topics import describe, find_topics, installed_venues, wanted_topics

    settings = Settings.load()
    wanted = wanted_topics(settings, installed_venues())
    found = find_topics(reach_cluster(settings), [want.name for want in wanted])
    rows = [describe(want, found.get(want.name)) for want in wanted]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
    else:
        texts = [["" if value is None else str(value) for value in row.values()] for row in rows]
        print_table(list(rows[0]), texts)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Refuse a cluster whose topics or schemas are not as they have to be, naming each difference.

    Exit status 0 when all is right, 3 otherwise.
    """
    from dropcopy.errors import ClusterError
    from dropcopy.settings import Settings
    from dropcopy.topics import check_topics, installed_venues, wanted_topics

    settings = Settings.load()
    problems = check_topics(settings, wanted_topics(settings, installed_venues()))
    if as_json:
        for problem in problems:
            typer.echo(json.dumps(asdict(problem)))
    if problems:
        raise ClusterError(
            "\n".join(map(str, problems)),
            hint="`dropcopy topics create` makes what is missing; what differs has to be altered on the cluster.",
        )
    typer.echo(f"all topics on {settings.bootstrap_servers} and their schemas are as they have to be", err=True)
