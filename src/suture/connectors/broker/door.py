"""Topics as the engine opens them, in and out; how they work is `consumer.py`, `producer.py`.

The client is an extra of the installation, so it is imported only here and only when it is there.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from suture.connectors.broker.settings import BrokerDestinationSettings, BrokerSettings
from suture.connectors.ports import MessageDestination, PullDoor, Surroundings
from suture.model.fault import Fault, fault

_LIBRARY = "confluent_kafka"


async def open_door(settings: BrokerSettings, surroundings: Surroundings) -> PullDoor | Fault:
    """Make ready to read; nothing is connected before the topic is asked for the first time."""
    if find_spec(_LIBRARY) is None:
        return fault("broker.library.absent", settings.place)
    consumer = import_module("suture.connectors.broker.consumer")
    opened: PullDoor = consumer.BrokerDoor(settings, surroundings)
    return opened


async def open_messages(
    settings: BrokerDestinationSettings, surroundings: Surroundings
) -> MessageDestination | Fault:
    """Make ready to send; nothing is connected before the first message."""
    if find_spec(_LIBRARY) is None:
        return fault("broker.library.absent", settings.place)
    producer = import_module("suture.connectors.broker.producer")
    opened: MessageDestination = producer.BrokerDestination(settings, surroundings)
    return opened
