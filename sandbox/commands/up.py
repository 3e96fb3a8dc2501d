"""`dropcopy sandbox up`."""

__all__ = ["up"]


def up() -> None:
    """Run a real Kafka broker and schema registry on this machine until stopped."""
    raise NotImplementedError
