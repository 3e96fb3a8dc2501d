"""What is sent, and how its answer is read, whatever the venue."""

from collections.abc import Callable

import pytest

from producers.gateways.outcomes import Outcome, Unknown
from producers.gateways.outpoll import answers as outpoll
from producers.gateways.ripio import answers as ripio
from producers.gateways.sending import Call
from producers.gateways.tinvest import answers as tinvest
from producers.rest import RestAnswer

REQUEST_ID = "a1b2c3d4-e5f6-4890-abcd-ef1234567890"
Read = Callable[[str, RestAnswer], Outcome]
NESTED = b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def at_outpoll(read: Callable[[str, RestAnswer, int], Outcome]) -> Read:
    return lambda request_id, answer: read(request_id, answer, 0)


READS = {
    "tinvest order": tinvest.read_answer,
    "tinvest cancel": tinvest.read_cancel_answer,
    "tinvest stop order": tinvest.read_stop_answer,
    "ripio order": ripio.read_answer,
    "ripio change": ripio.read_change_answer,
    "outpoll order": at_outpoll(outpoll.read_answer),
    "outpoll cancel": at_outpoll(outpoll.read_cancel_answer),
}


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_of_an_answer_nested_deeper_than_a_decoder_goes_nobody_knows_what_came(read: Read, status: int) -> None:
    call = Call("Post", "POST", "orders", b"{}", read)
    assert isinstance(call.outcome(REQUEST_ID, RestAnswer(status, {}, NESTED)), Unknown)
