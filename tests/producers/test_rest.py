"""A call that failed says whether the venue can have seen it."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from dropcopy.errors import SettingsError
from producers.rest import ANSWER_MOST_BYTES, NotSent, OutcomeUnknown, RestClient
from sandbox.ports import free_ports

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve raw bytes: `handler` gets a request's head and the writer, and the connection then closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await handler(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def answer_ok(head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Tracking-Id: abc\r\nContent-Length: 2\r\n\r\n{}")
    await writer.drain()


async def post(port: int, scheme: str = "http", timeout_s: float = 5, ca_file: Path | None = None) -> object:
    url = f"{scheme}://127.0.0.1:{port}/rest"
    async with RestClient(url, headers={"authorization": "Bearer secret"}, ca_file=ca_file) as client:
        return await client.post("Service/Method", b"{}", timeout_s=timeout_s)


async def test_an_answer_comes_with_status_headers_and_body() -> None:
    heads: list[bytes] = []

    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        await answer_ok(head, writer)

    headers = {"authorization": "Bearer secret"}
    async with serving(handler) as port, RestClient(f"http://127.0.0.1:{port}/rest/", headers=headers) as client:
        answer = await client.post("/Service/Method", b"{}")
    assert (answer.status, answer.headers["x-tracking-id"], answer.body) == (200, "abc", b"{}")
    assert heads[0].startswith(b"POST /rest/Service/Method HTTP/1.1\r\n")
    assert b"authorization: bearer secret" in heads[0].lower()
    assert b"content-type: application/json" in heads[0].lower()


async def test_without_a_listener_nothing_was_sent() -> None:
    with pytest.raises(NotSent, match="can't be reached"):
        await post(*free_ports(1))


async def test_without_a_trusted_certificate_nothing_was_sent(tmp_path: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with serving(answer_ok, tls) as port:
        with pytest.raises(NotSent, match="certificate"):
            await post(port, "https", 5)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        assert await post(port, "https", 5, tmp_path / "ca.pem")


async def test_a_hand_shake_that_never_ends_sends_nothing() -> None:
    # A plain listener never answers the TLS hand-shake.
    async def silent(head: bytes, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("no request can come through")

    async with serving(silent) as port:
        with pytest.raises(NotSent) as failed:
            await post(port, "https", 0.3)
    assert failed.value.code == "NOT_SENT"


async def test_silence_leaves_the_outcome_unknown() -> None:
    forgotten = asyncio.Event()

    async def silent(head: bytes, writer: asyncio.StreamWriter) -> None:
        await forgotten.wait()

    async with serving(silent) as port:
        with pytest.raises(OutcomeUnknown, match=r"Method .*no answer within 2 s") as failed:
            await post(port, timeout_s=2)
        forgotten.set()
    assert failed.value.code == "TIMEOUT"


@pytest.mark.parametrize("length", [b"Content-Length: 1000000000000", b"Transfer-Encoding: chunked"])
async def test_an_answer_without_end_is_given_up_before_it_fills_the_memory(length: bytes) -> None:
    sent = 0

    async def endless(head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n")
        while True:
            writer.write((b"100000\r\n" if b"chunked" in length else b"") + b"x" * 0x100000 + b"\r\n")
            await writer.drain()
            sent += 0x100000

    async with serving(endless) as port:
        with pytest.raises(OutcomeUnknown) as failed:
            await post(port, timeout_s=10)
    assert failed.value.code == "TOO_LARGE"
    assert sent < 2 * ANSWER_MOST_BYTES


async def test_an_answer_that_unpacks_without_end_is_given_up() -> None:
    async def bomb(head: bytes, writer: asyncio.StreamWriter) -> None:
        body = gzip.compress(bytes(ANSWER_MOST_BYTES + 1))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async with serving(bomb) as port:
        with pytest.raises(OutcomeUnknown) as failed:
            await post(port, timeout_s=10)
    assert failed.value.code == "TOO_LARGE"


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", b"nonsense\r\n\r\n"])
async def test_an_answer_that_breaks_off_leaves_the_outcome_unknown(sent: bytes) -> None:
    async def cut(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()

    async with serving(cut) as port:
        with pytest.raises(OutcomeUnknown) as failed:
            await post(port)
    assert failed.value.code == "CUT"


async def test_a_call_has_its_own_method_headers_and_query_and_says_nothing_of_a_body_that_is_not_there() -> None:
    heads: list[bytes] = []

    async def handler(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        await answer_ok(head, writer)

    async with serving(handler) as port, RestClient(f"http://127.0.0.1:{port}/v4", headers={"x-key": "k"}) as client:
        await client.request("GET", "orders/open?pair=BTC_BRL&c=a%2Bb", headers={"x-signature": "s"})
        await client.request("DELETE", f"http://127.0.0.1:{port}/other/orders", b"{}")
    first, second = (head.decode().lower() for head in heads)
    assert first.startswith("get /v4/orders/open?pair=btc_brl&c=a%2bb http/1.1")
    assert "x-key: k" in first
    assert "x-signature: s" in first
    assert "content-type" not in first
    assert second.startswith("delete /other/orders http/1.1")
    assert "x-signature" not in second
    assert "content-type: application/json" in second


async def test_a_get_that_may_have_reached_the_venue_leaves_the_outcome_unknown_without_its_query() -> None:
    forgotten = asyncio.Event()

    async def silent(head: bytes, writer: asyncio.StreamWriter) -> None:
        await forgotten.wait()

    async with serving(silent) as port, RestClient(f"http://127.0.0.1:{port}", headers={}) as client:
        with pytest.raises(OutcomeUnknown, match=r"^open at http") as failed:
            await client.request("GET", f"http://127.0.0.1:{port}/orders/open?pair=A_B", timeout_s=2)
        forgotten.set()
    assert "pair" not in failed.value.message


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async def moved(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with serving(moved) as port:
        answer = await post(port)
    assert getattr(answer, "status", None) == 307


@pytest.mark.parametrize("url", ["", "venue", "ftp://venue", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="no http"):
        RestClient(url, headers={})


def test_a_header_that_cannot_be_sent_is_refused_unseen() -> None:
    with pytest.raises(SettingsError) as refused:
        RestClient("http://venue", headers={"authorization": "Bearer secret\n"})
    assert "secret" not in str(refused.value)


def test_a_ca_file_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(SettingsError, match=name):
            RestClient("https://venue", headers={}, ca_file=tmp_path / name)


@pytest.mark.parametrize("path", ["Service/Method", "http://user:hidden@127.0.0.1:{port}/history/list?page=0"])
async def test_a_password_in_an_address_stands_in_no_error(path: str) -> None:
    (port,) = free_ports(1)
    async with RestClient(f"http://user:hidden@127.0.0.1:{port}/rest", headers={}) as client:
        with pytest.raises(NotSent, match=f"^http://127.0.0.1:{port}/") as refused:
            await client.post(path.format(port=port), b"{}")
    assert "hidden" not in str(refused.value)
