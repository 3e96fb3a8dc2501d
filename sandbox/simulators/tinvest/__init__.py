"""A T-Invest that runs on this machine: the exchange and its JSON, which are pure, and its sockets."""

from sandbox.simulators.tinvest.server import TInvestSimulator

__all__ = ["TInvestSimulator"]
