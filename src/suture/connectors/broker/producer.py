"""A topic that is told CloudEvents: what a delivery report, and its absence, mean.

Records are confirmed by all replicas in sync (`acks=all`) and written once by one producer; what is
sent again after an outage is known by the event's id and source. A message that is an event
already goes as it is, its stream (`subject`) for a key, so that a stream stays in order. Any other
is wrapped under our key for its id, and goes to one partition, since its stream is not known here.
The client has a thread of its own that waits for reports while one is outstanding.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from suture.connectors.broker.client import Trouble, configuration, error_of, fault_of
from suture.connectors.broker.place import record_name
from suture.connectors.broker.settings import BrokerDestinationSettings
from suture.connectors.broker.unwrap import CONTENT_TYPE, PREFIX
from suture.connectors.outcome import Delivered, Healthy, Outcome, Refused, Transient, Unknown
from suture.connectors.ports import Surroundings
from suture.model.envelope import ContentType
from suture.model.fault import Fault, fault
from suture.wire import cloudevents
from suture.wire.cloudevents import STRUCTURED, CloudEvent

WAIT_SECONDS = 0.1
"""Of one look for delivery reports."""
_Result = TypeVar("_Result")
Report = tuple[KafkaError | None, Message]
_REFUSED = frozenset(
    (
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_RECORD,
        KafkaError.POLICY_VIOLATION,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
    )
)
_NOTHING_DONE = frozenset(
    (
        KafkaError._PURGE_QUEUE,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    )
)


class _Record:
    """What is written for one message."""

    def __init__(self, event: CloudEvent, body: bytes | None, key: str, mode: str) -> None:
        self.key = key.encode()
        self.headers: dict[str, str | bytes | None]
        if mode == "structured":
            self.value: bytes | None = body or cloudevents.write_structured(event)
            self.headers = {CONTENT_TYPE: STRUCTURED.encode()}
            return
        self.value = event.data
        attributes = cloudevents.write_binary(event)
        self.headers = {f"{PREFIX}{name}": told.encode() for name, told in attributes.items()}
        if event.datacontenttype:
            self.headers[CONTENT_TYPE] = event.datacontenttype.encode()

    @property
    def bytes_count(self) -> int:
        headers = sum(len(name) + len(told or b"") for name, told in self.headers.items())
        return len(self.key) + len(self.value or b"") + headers


class BrokerDestination:
    """A topic that is written to; fills the port `MessageDestination`."""

    def __init__(self, settings: BrokerDestinationSettings, surroundings: Surroundings) -> None:
        """Take which topic; nothing is connected before the first message."""
        self._settings = settings
        self._surroundings = surroundings
        self._trouble = Trouble()
        self._producer: Producer | None = None
        self._is_answering = False
        """Whether the broker has answered, and nothing has gone wrong since."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="broker")
        self._asking = asyncio.Lock()

    async def send(self, body: bytes, *, key: str, content_type: ContentType) -> Outcome:
        """Send one message once and say what its delivery report means."""
        record = self._record(body, key, content_type)
        if isinstance(record, Fault):
            return Refused(record)
        if record.bytes_count > self._settings.record_bytes_max:
            explanation = f"it has {record.bytes_count} bytes"
            return Refused(fault("broker.message.too_large", self._settings.place, explanation))
        if (away := await self._unanswered()) is not None:
            return Transient(away)
        outcome = await self._produce(record)
        if not isinstance(outcome, Delivered | Refused):
            self._is_answering = False
        return outcome

    async def health(self) -> Healthy | Transient | Refused:
        """Ask for the topic."""
        self._is_answering = False
        away = await self._unanswered()
        return Healthy() if away is None else Transient(away)

    async def close(self) -> None:
        """Let go of the broker; what has no report yet stays unknown."""
        await self._in_thread(self._let_go)
        self._thread.shutdown(wait=False)

    def _record(self, body: bytes, key: str, content_type: ContentType) -> _Record | Fault:
        settings = self._settings
        if content_type == STRUCTURED:
            event = cloudevents.read_structured(body)
            if isinstance(event, Fault):
                return event
            return _Record(event, body, event.subject or event.id, settings.mode)
        event = CloudEvent(
            id=key,
            source=settings.event_source,
            type=settings.event_type,
            datacontenttype=content_type,
            data=body,
        )
        wrong = cloudevents.fault_of(event)
        return wrong or _Record(event, None, self._surroundings.name, settings.mode)

    async def _unanswered(self) -> Fault | None:
        """Return why the broker does not answer; it is asked only after something went wrong."""
        async with self._asking:
            if self._is_answering:
                return None
            wrong = await self._in_thread(self._ask)
            self._is_answering = wrong is None
            return wrong

    def _ask(self) -> Fault | None:
        settings = self._settings
        try:
            producer = self._connected()
        except KafkaException as exception:
            explanation = f"the client cannot be made of them: {error_of(exception).name()}"
            return fault("broker.settings.unusable", settings.place, explanation)
        try:
            found = producer.list_topics(settings.topic, timeout=settings.answer_seconds_max)
        except KafkaException as exception:
            producer.poll(0)  # its own reasons are told only here
            wrong = self._trouble.fault(settings, error_of(exception))
        else:
            topic = found.topics[settings.topic]
            if topic.error is None:
                self._trouble.clear()
                return None
            wrong = fault_of(settings, topic.error)
        if wrong.code in {"broker.access.refused", "broker.tls.failed"}:
            self._let_go()  # so that secrets are read again
        return wrong

    def _connected(self) -> Producer:
        """Return the client. Raises KafkaException."""
        if self._producer is None:
            settings = self._settings
            told = configuration(settings, self._surroundings.secret, self._trouble)
            self._trouble.clear()
            self._producer = Producer(
                told
                | {
                    "acks": "all",
                    "enable.idempotence": True,
                    "linger.ms": 0,
                    "partitioner": "murmur2_random",  # as Java's clients do it
                    "message.timeout.ms": int(1000 * settings.send_seconds_max),
                    "message.max.bytes": settings.record_bytes_max + 1000,
                }
            )
        return self._producer

    async def _produce(self, record: _Record) -> Outcome:
        """Hand a record to the client and wait for its report."""
        loop = asyncio.get_running_loop()
        reported: asyncio.Future[Report] = loop.create_future()

        def report(error: KafkaError | None, message: Message) -> None:
            def settle() -> None:
                if not reported.done():
                    reported.set_result((error, message))

            with contextlib.suppress(RuntimeError):  # the loop is gone, and who waited with it
                loop.call_soon_threadsafe(settle)

        producer, settings = self._producer, self._settings
        if producer is None:
            return Transient(fault("broker.away", settings.place))
        try:
            producer.produce(
                settings.topic, record.value, record.key, on_delivery=report, headers=record.headers
            )
        except BufferError:
            return Transient(fault("broker.away", settings.place, "too many records wait for it"))
        except KafkaException as exception:
            return self._meaning(error_of(exception), sent=False)
        deadline = time.monotonic() + 2 * settings.send_seconds_max
        while not reported.done() and time.monotonic() < deadline:
            await self._in_thread(lambda: producer.poll(WAIT_SECONDS))
            await asyncio.sleep(0)
        if not reported.done():
            return Unknown(fault("broker.reply.absent", settings.place))
        error, message = reported.result()
        if error is not None:
            return self._meaning(error, sent=True)
        name = record_name(settings.topic, message.partition() or 0, message.offset() or 0)
        return Delivered(name, "created")

    def _meaning(self, error: KafkaError, *, sent: bool) -> Outcome:
        """Return what a report of failure means; only what is certain is no `Unknown`."""
        place = self._settings.place
        said = f"the broker says {error.name()}"
        if error.code() in {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}:
            return Refused(fault("broker.message.too_large", place, said))
        if error.code() in _REFUSED:
            return Refused(fault("broker.message.refused", place, said))
        if not sent or error.code() in _NOTHING_DONE:
            return Transient(fault_of(self._settings, error))
        if error.fatal():
            self._producer = None  # an idempotent producer ends with such an error
        return Unknown(fault("broker.reply.absent", place, said))

    def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.poll(0)

    async def _in_thread(self, call: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
