"""How librdkafka is set up for a topic, and what its errors come to.

Secrets are read when a client is made; one that the broker refuses is thrown away by its owner and
made again, so that a secret that has changed counts. The client's own log is off: its errors reach
people as faults, by their names, which hold no host, no value and no secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from suture.connectors.broker.settings import Topics
from suture.model.fault import Fault, fault

_ACCESS = frozenset(
    (
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    )
)
_ABSENT = frozenset(
    (
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_EXCEPTION,
    )
)
_TELLING = _ACCESS | {KafkaError._SSL, KafkaError._BAD_MSG}
"""Errors that say why a connection fails; others say only that it does."""


class Trouble:
    """What a client has last told of its connections; the reason before its consequences."""

    def __init__(self) -> None:
        self._error: KafkaError | None = None

    def note(self, error: KafkaError) -> None:
        """Take what the client tells by itself."""
        if self._error is None or error.code() in _TELLING:
            self._error = error

    def clear(self) -> None:
        """Forget it: something was answered."""
        self._error = None

    def fault(self, settings: Topics, error: KafkaError | None = None) -> Fault:
        """Return why there is no answer, where `error` is what a question came to."""
        if error is not None and error.code() in _TELLING | _ABSENT:
            return fault_of(settings, error)
        return fault_of(settings, self._error or error)


def fault_of(settings: Topics, error: KafkaError | None) -> Fault:
    """Return what an error of the client means for whoever runs it."""
    code = None if error is None else error.code()
    if code in _ABSENT:
        return fault("broker.topic.absent", settings.place)
    kind = "away"
    if code in _ACCESS:
        kind = "access.refused"
    elif code == KafkaError._SSL:
        kind = "tls.failed"
    elif code == KafkaError._BAD_MSG:
        kind = "record.unreceivable"
    said = "no answer in time" if error is None else f"the client says {error.name()}"
    return fault(f"broker.{kind}", settings.place, said)


def error_of(exception: KafkaException) -> KafkaError:
    """Return the error that an exception of the client holds."""
    error: KafkaError = exception.args[0]
    return error


def configuration(
    settings: Topics, secret: Callable[[str], str], trouble: Trouble
) -> dict[str, Any]:
    """Return what a consumer and a producer are told alike. Empty secrets are not told."""
    security = "plaintext" if settings.is_plaintext else "ssl"
    told = {
        "bootstrap.servers": ",".join(settings.servers),
        "client.id": "suture",
        "security.protocol": f"sasl_{security}" if settings.mechanism else security,
        "sasl.mechanism": settings.mechanism,
        "sasl.username": settings.user,
        "sasl.password": secret(settings.password) if settings.password else "",
        "ssl.ca.pem": secret(settings.authority) if settings.authority else "",
        "ssl.certificate.pem": secret(settings.certificate) if settings.certificate else "",
        "ssl.key.pem": secret(settings.private_key) if settings.private_key else "",
    }
    return {name: value for name, value in told.items() if value} | {
        "error_cb": trouble.note,
        "log_level": 0,
        "socket.connection.setup.timeout.ms": max(
            1000, int(1000 * min(settings.answer_seconds_max, 30))
        ),
        "reconnect.backoff.max.ms": 2000,
        "allow.auto.create.topics": False,
    }
