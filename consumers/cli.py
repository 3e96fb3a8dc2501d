"""The commands that show what came out."""

from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer()


@app.command()
def tail(
    topic: Annotated[str, typer.Argument(help="The topic, such as orders.executions or venue.frames.tinvest.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, with every field.")] = False,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Start with the oldest record.")] = False,
    since: Annotated[str | None, typer.Option(help="Start this long ago, such as 90s, 10m or 1h30m.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="Start with the newest N records.")] = None,
    offset: Annotated[int | None, typer.Option(min=0, help="Start at this offset (of --partition).")] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Read this partition only.")] = None,
    until_end: Annotated[bool, typer.Option("--until-end", help="Stop at the end of the topic.")] = False,
    where: Annotated[list[str] | None, typer.Option(help="Only records with field=value; may be repeated.")] = None,
    key: Annotated[str | None, typer.Option(help="Only records with this key.")] = None,
    max_records: Annotated[int | None, typer.Option("--max", min=1, help="Stop after N records.")] = None,
) -> None:
    """Print a topic's records as they come, decoded, as everyone else sees them (read_committed).

    A table on a terminal, `name=value` lines in a pipe. Without a start it shows what comes from now on.
    """
    from consumers.command import run_tail, start_of

    run_tail(
        topic,
        start_of(from_beginning=from_beginning, since=since, last=last, offset=offset),
        as_json_lines=json,
        partition=partition,
        until_end=until_end,
        where=where or [],
        key=key,
        max_records=max_records,
    )
