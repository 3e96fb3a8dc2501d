"""The simulated REST methods of StopOrdersService."""

import time

from sandbox.simulators.pending import Pending
from sandbox.simulators.rest import befall
from sandbox.simulators.tinvest import stop_wire
from sandbox.simulators.tinvest.calls import Call, Json
from sandbox.simulators.tinvest.exchange import Exchange
from sandbox.simulators.tinvest.fields import read_account
from sandbox.simulators.tinvest.refusals import Refusal
from sandbox.simulators.tinvest.stop_requests import chosen_stops, read_stop_ask
from sandbox.simulators.tinvest.values import timestamp

__all__ = ["StopCalls"]


class StopCalls:
    """The methods, by `StopOrdersService/<method>`. Each raises a `Refusal` where the venue would."""

    def __init__(self, accounts: list[str], exchange: Exchange, pending: Pending) -> None:
        self._accounts = accounts
        self._exchange = exchange
        self._pending = pending

    def table(self) -> dict[str, Call]:
        """Return the methods; each takes the request and the tracking id of the call."""
        return {
            "StopOrdersService/PostStopOrder": self._post,
            "StopOrdersService/GetStopOrders": self._get,
            "StopOrdersService/CancelStopOrder": self._cancel,
        }

    async def _post(self, body: Json, tracking_id: str) -> Json:
        ask = read_stop_ask(body, self._accounts, time.time_ns())
        stop = self._exchange.market.find_stop(ask.account, request_id=ask.request_id)
        if stop is None:
            stop = self._exchange.submit_stop(ask, ignored=self._pending.take("ignore", "PostStopOrder"))
            await befall(self._pending, "PostStopOrder")
        elif self._pending.take("report_not_found"):
            raise Refusal("30057")
        return stop_wire.post_stop_answer(stop, tracking_id, time.time_ns())

    async def _get(self, body: Json, tracking_id: str) -> Json:
        market = self._exchange.market
        stops = chosen_stops(market.stops(read_account(body, self._accounts)), body)
        return {"stopOrders": [stop_wire.stop_order(stop, market.child(stop)) for stop in stops]}

    async def _cancel(self, body: Json, tracking_id: str) -> Json:
        account = read_account(body, self._accounts)
        stop_order_id = str(body.get("stopOrderId") or "")
        stop = self._exchange.market.find_stop(account, stop_order_id=stop_order_id)
        if stop is None or not stop.told:
            raise Refusal("50006")
        if not self._exchange.withdraw(stop, ignored=self._pending.take("ignore", "CancelStopOrder")):
            raise Refusal("30060", f"stop order {stop_order_id} is not active")
        return {"time": timestamp(time.time_ns())}
