"""The door of a source that is a topic: reads its partitions from the offsets that Suture keeps.

No consumer group shares the partitions out and no offset of the broker's counts: the watermark is
kept in the transaction of the messages (`engine/pull_intake.py`), and each time it is not where
this reader is, the partitions are assigned anew from it. So each record counts once, whatever the
broker does. Offsets are told to the broker only so that its tools can show how far behind we are.
The client blocks, so it has a thread of its own, and is used in no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from suture.connectors.broker.client import Trouble, configuration, error_of, fault_of
from suture.connectors.broker.place import (
    Offsets,
    read_watermark,
    record_name,
    write_watermark,
)
from suture.connectors.broker.settings import BrokerSettings
from suture.connectors.broker.unwrap import Headers, placed, unwrapped
from suture.connectors.ports import PULLED_MESSAGES_MAX, Pulled, Surroundings
from suture.model.fault import Fault, fault

SLICE_SECONDS = 0.05
"""A silence that ends a batch."""
IDLE_SECONDS = 0.5
"""A silence of partitions that held nothing more: then there is nothing."""
FETCH_SECONDS = 0.1
"""How long a broker may keep its answer back while it has nothing: well under the above."""
MARGIN_BYTES = 1024 * 1024
_Result = TypeVar("_Result")
_LOST = frozenset((KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE))


class BrokerDoor:
    """A topic that is read; fills the port `PullDoor`."""

    def __init__(self, settings: BrokerSettings, surroundings: Surroundings) -> None:
        """Take which topic; nothing is connected before it is asked."""
        self.address = settings.place
        self.interval_seconds = settings.interval_seconds
        self._reader = _Reader(settings, surroundings)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="broker")

    async def poll(self, watermark: str) -> Sequence[Pulled] | Fault:
        return await self._in_thread(lambda: self._reader.poll(watermark))

    async def settled(self, watermark: str) -> None:
        await self._in_thread(lambda: self._reader.tell(watermark))

    async def close(self) -> None:
        await self._in_thread(self._reader.close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, call: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


class _Reader:
    """The client, and where it is; used in one thread."""

    def __init__(self, settings: BrokerSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._trouble = Trouble()
        self._consumer: Consumer | None = None
        self._watermark: str | None = None
        """After what was last returned; None where the partitions must be assigned anew."""
        self._offsets: Offsets = {}
        self._partitions: frozenset[int] = frozenset()
        self._ended: set[int] = set()
        """Partitions that held nothing more when they were last heard of."""
        self._looked_at = 0.0

    def poll(self, watermark: str) -> Sequence[Pulled] | Fault:
        offsets = read_watermark(watermark, self._settings.topic)
        if isinstance(offsets, Fault):
            return offsets
        try:
            return self._poll(watermark, offsets)
        except KafkaException as exception:
            return self._failed(error_of(exception))

    def tell(self, watermark: str) -> None:
        """Tell the broker how far we are; where that fails, only its display is behind."""
        offsets = read_watermark(watermark, self._settings.topic)
        if self._consumer is None or isinstance(offsets, Fault) or not offsets:
            return
        with contextlib.suppress(KafkaException):
            self._consumer.commit(offsets=self._places(offsets), asynchronous=True)

    def close(self) -> None:
        consumer, self._consumer, self._watermark = self._consumer, None, None
        if consumer is not None:
            consumer.close()

    def _poll(self, watermark: str, offsets: Offsets) -> Sequence[Pulled] | Fault:
        consumer = self._connected()
        is_elsewhere = watermark != self._watermark
        if is_elsewhere:
            self._offsets = offsets
        is_due = time.monotonic() - self._looked_at > self._settings.partitions_seconds
        if is_elsewhere or is_due:
            wrong = self._look(consumer, is_new=is_elsewhere)
            if wrong is not None:
                return self._lost(wrong)
            self._watermark = watermark
        pulled, wrong = self._fetch(consumer)
        if not pulled and wrong is None:
            # Silence is not an answer: whether anybody is there is asked.
            wrong = self._look(consumer, is_new=False)
        if pulled:
            self._trouble.clear()
            # What is wrong comes after these: then it is asked for, and told, again.
            self._watermark = pulled[-1].watermark if wrong is None else None
            return pulled
        return () if wrong is None else self._lost(wrong)

    def _connected(self) -> Consumer:
        """Return the client. Raises KafkaException."""
        if self._consumer is None:
            settings = self._settings
            told = configuration(settings, self._surroundings.secret, self._trouble)
            fetch_bytes = settings.batch_bytes_max
            told |= {
                "group.id": settings.group or f"suture-{self._surroundings.name}",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": int(1000 * FETCH_SECONDS),
                "fetch.max.bytes": max(fetch_bytes, MARGIN_BYTES),
                "fetch.message.max.bytes": min(fetch_bytes, MARGIN_BYTES),
                "receive.message.max.bytes": fetch_bytes + settings.record_bytes_max + MARGIN_BYTES,
                "queued.max.messages.kbytes": max(1, fetch_bytes // 1024),
            }
            self._consumer = Consumer(told)
        return self._consumer

    def _look(self, consumer: Consumer, *, is_new: bool) -> Fault | None:
        """Ask for the partitions, and read those that are new as well. Raises KafkaException."""
        settings = self._settings
        found = consumer.list_topics(settings.topic, timeout=settings.answer_seconds_max)
        self._looked_at = time.monotonic()
        topic = found.topics[settings.topic]
        if topic.error is not None:
            return fault_of(settings, topic.error)
        for number, partition in sorted(topic.partitions.items()):
            if partition.leader < 0:
                explanation = f"partition {number} has no leader"
                return fault("broker.away", settings.place, explanation)
        self._trouble.clear()
        partitions = frozenset(topic.partitions) | self._partitions
        if is_new or partitions != self._partitions:
            self._assign(consumer, partitions)
        return None

    def _assign(self, consumer: Consumer, partitions: frozenset[int]) -> None:
        self._partitions, self._ended = partitions, set()
        begin = {each: self._offsets.get(each, OFFSET_BEGINNING) for each in partitions}
        consumer.assign(self._places(begin))

    def _places(self, offsets: Offsets) -> list[TopicPartition]:
        topic = self._settings.topic
        return [TopicPartition(topic, each, offsets[each]) for each in sorted(offsets)]

    def _fetch(self, consumer: Consumer) -> tuple[list[Pulled], Fault | None]:
        """Return what is there, up to a bound, and what is wrong with a partition after it."""
        settings = self._settings
        begun = time.monotonic()
        pulled: list[Pulled] = []
        bytes_count = 0
        while len(pulled) < PULLED_MESSAGES_MAX and bytes_count < settings.batch_bytes_max:
            came = consumer.consume(PULLED_MESSAGES_MAX - len(pulled), SLICE_SECONDS)
            troubled: list[tuple[KafkaError, int]] = []
            for each in came:
                error, partition = each.error(), each.partition() or 0
                if error is None:
                    pulled.append(self._pulled(each))
                    bytes_count += len(each)
                    self._ended.discard(partition)
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._ended.add(partition)
                else:
                    troubled.append((error, partition))
            for error, partition in troubled:
                if (wrong := self._wrong(consumer, error, partition)) is not None:
                    return pulled, wrong
            waited_seconds = time.monotonic() - begun
            is_idle = self._ended >= self._partitions and waited_seconds > IDLE_SECONDS
            if not came and (pulled or is_idle):
                break
            if not pulled and not is_idle and waited_seconds > settings.answer_seconds_max:
                return pulled, self._trouble.fault(settings)
        return pulled, None

    def _wrong(self, consumer: Consumer, error: KafkaError, partition: int) -> Fault | None:
        """Return what is wrong with a partition; None where it is read on from elsewhere."""
        settings = self._settings
        if error.code() not in _LOST:
            return None if error.retriable() else self._trouble.fault(settings, error)
        place = TopicPartition(settings.topic, partition)
        low, high = consumer.get_watermark_offsets(place, timeout=settings.answer_seconds_max)
        wanted = self._offsets.get(partition, 0)
        if settings.is_gap_accepted:
            self._offsets[partition] = low
            self._assign(consumer, self._partitions)
            return None
        name = record_name(settings.topic, partition, wanted)
        ends = f"it ends before offset {high}, and was read up to {wanted}"
        gone = f"offsets {wanted} to {low - 1} are gone"
        return fault("broker.offset.gone", name, gone if wanted < low else ends)

    def _pulled(self, record: Message) -> Pulled:
        topic, settings = self._settings.topic, self._settings
        partition, offset = record.partition() or 0, record.offset() or 0
        self._offsets[partition] = offset + 1
        name, value = record_name(topic, partition, offset), record.value() or b""
        raw: bytes = value
        wrong: Fault | None = None
        if len(value) > settings.record_bytes_max:
            wrong = fault("broker.record.too_large", "value")
        else:
            headers = cast("Headers", record.headers() or ())
            raw, wrong = unwrapped(value, headers, settings.envelope)
        return Pulled(
            raw,
            write_watermark(topic, self._offsets),
            name,
            None if wrong is None else placed(wrong, name),
        )

    def _failed(self, error: KafkaError) -> Fault:
        if self._consumer is None:
            explanation = f"the client cannot be made of them: {error.name()}"
            return fault("broker.settings.unusable", self._settings.place, explanation)
        with contextlib.suppress(KafkaException):
            # Its own reasons are told only while it is polled; what else comes is read again.
            self._consumer.poll(0)
        return self._lost(self._trouble.fault(self._settings, error))

    def _lost(self, wrong: Fault) -> Fault:
        """Begin anew from the watermark; of a broker that refuses us, with secrets read again."""
        self._watermark = None
        if wrong.code in {"broker.access.refused", "broker.tls.failed"}:
            self._trouble.clear()
            self.close()
        return wrong
