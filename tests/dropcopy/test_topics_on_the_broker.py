"""The topics on a real cluster: created once, checked against what they have to be."""

import json

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from dropcopy.kafka import admin_client
from dropcopy.topics import check_topics, create_topics, installed_venues, wanted_topics
from sandbox.processes import Process
from sandbox.stack import Stack


def wanted(stack: Stack):
    return wanted_topics(stack.settings, installed_venues())


def test_nothing_is_wrong_with_a_new_stack(stack):
    assert check_topics(stack.settings, wanted(stack)) == []
