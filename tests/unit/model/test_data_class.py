"""Every field of every fact has one data class, and no fact can hold a direct identifier.

The canary: a remittance and messages whose names, ids and claim numbers are all stuffed with one
mark, whole and damaged in many ways. The mark must not come back in a fact, a path, an explanation
or a journal; only the vault's secrets may hold it. That logs, URLs and the database do not hold it
is tests/integration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
import pytest
from tests.specs.riverbend_books import Riverbend, channel, read_bytes

from suture.ledger.batch import Journal, summarise
from suture.model.data_class import Financial, Operational, Phi, data_classes
from suture.model.event import Event, Fact, encode_fact
from suture.model.fault import Fault
from suture.model.identity import PREFIXES
from suture.model.translation import Closed, Reading, Routed, Translation
from suture.pipeline import read_file, read_message

CLASSES = {"phi", "financial", "operational"}
CANARY = "ZZPHI-"
TRACE = "ZZBANK-7 (DEP 0320)"
"""A payment's trace as banks write them (TRN02): the one text of a sender's that facts keep."""
SURROGATE = re.compile(rf"\b(?:{'|'.join(PREFIXES.values())})_[0-9a-v]{{26}}\b".encode())

# Fields ------------------------------------------------------------------------------------------


def fact_types() -> list[type[msgspec.Struct]]:
    """Return every fact, and every struct inside one."""
    found: list[type[msgspec.Struct]] = []
    waiting: list[Any] = list(get_args(Fact))
    while waiting:
        each = waiting.pop()
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            if each not in found:
                found.append(each)
                waiting += get_type_hints(each).values()
        else:
            waiting += get_args(each)
    return found


def tagged(hint: object) -> list[str]:
    """Return every data class a field's annotation names, however deep."""
    named = [
        str(argument.extra["data_class"])
        for argument in get_args(hint)
        if isinstance(argument, msgspec.Meta) and argument.extra
    ]
    inner = [name for argument in get_args(hint) for name in tagged(argument)]
    return named + inner


@pytest.mark.parametrize("fact", fact_types(), ids=lambda fact: fact.__name__)
def test_every_field_of_every_fact_has_exactly_one_data_class(fact: type[msgspec.Struct]) -> None:
    if fact.__name__ == "Reconsidered":
        return  # a release's id, told by Suture to itself
    hints = get_type_hints(fact, include_extras=True)
    assert dict.fromkeys(fact.__struct_fields__, 1) == {
        name: len(tagged(hints[name])) for name in fact.__struct_fields__
    }
    assert set(data_classes(fact).values()) <= CLASSES
    assert "" not in data_classes(fact).values()


def test_the_facts_inside_facts_are_looked_at_too() -> None:
    names = {fact.__name__ for fact in fact_types()}
    assert {"ClaimAdjustment", "ProviderAdjustment", "ChargePosted"} <= names


class Sample(msgspec.Struct):
    """One field of each kind, and one of none."""

    person: Phi[str]
    money: Financial[tuple[int, ...]]
    place: Operational[date | None]
    bounded: Annotated[str, msgspec.Meta(max_length=3)]
    bare: str


def test_a_field_without_a_class_is_found() -> None:
    assert {
        "person": "phi",
        "money": "financial",
        "place": "operational",
        "bounded": "",
        "bare": "",
    } == data_classes(Sample)


@pytest.mark.parametrize("fact", fact_types(), ids=lambda fact: fact.__name__)
def test_whatever_names_a_person_is_phi(fact: type[msgspec.Struct]) -> None:
    persons = {"account", "patient", "visit", "appointment", "claim", "payer_claim", "adjudication"}
    persons |= {"retired", "survivor", "absorbed"}
    classes = data_classes(fact)
    assert {"phi"} >= {classes[name] for name in persons & classes.keys()}


# The canary --------------------------------------------------------------------------------------

REMITTANCE = (
    f"ISA*00*{'':10}*00*{'':10}*ZZ*{'P':15}*ZZ*{'R':15}*260320*0600*^*00501*000000001*0*P*:~"
    "GS*HP*P*R*20260320*0600*1*X*005010X221A1~ST*835*0001~"
    f"BPR*I*141*C*ACH************20260320~TRN*1*{TRACE}*1990000011~N1*PR*PAYER~"
    "N1*PE*ZZPHI-CLINIC*XX*9990000101~PER*CX*ZZPHI-CONTACT~LX*1~"
    "CLP*ZZPHI-CLAIM*1*200*150*20*MA*ZZPHI-ICN*11*1~CAS*CO*45*30~"
    "NM1*QC*1*ZZPHI-FAMILY*ZZPHI-GIVEN****MI*ZZPHI-MEMBER~NM1*IL*1*ZZPHI-INSURED~"
    "NM1*74*1*ZZPHI-CORRECTED~NM1*82*1*ZZPHI-DOCTOR****XX*ZZPHI-NPI~REF*EA*ZZPHI-MRN~"
    "REF*1L*ZZPHI-GROUP~DTM*232*20260302~MOA***ZZPHI-REMARK~PER*CX*ZZPHI-PHONE~"
    "SVC*HC:99213*200*180~REF*6R*ZZPHI-LINE~CAS*PR*2*20~LQ*HE*ZZPHI-RARC~"
    "CLP*ZZPHI-BACK*22*-9*-9**MA*ZZPHI-ICN2~NM1*QC*1*ZZPHI-OTHER~"
    "PLB*9990000101*20261231*ZZ:ZZPHI-CLAIM*0~SE*26*0001~GE*1*1~IEA*1*000000001~"
).encode()
CHARGE = (
    b"MSH|^~\\&|RIVBILL|RGH|||20260310080000||DFT^P03|M1||2.5.1\r"
    b"PID|1|ZZPHI-ID|ZZPHI-MRN^^^RVH^MR~ZZPHI-SSN^^^SSA^SS||ZZPHI-FAMILY^ZZPHI-GIVEN|ZZPHI-MAIDEN|"
    b"ZZPHI-BIRTH|F|ZZPHI-ALIAS||ZZPHI-STREET^^ZZPHI-TOWN||ZZPHI-PHONE|||||ZZPHI-ACCOUNT|ZZPHI-SSN\r"
    b"NK1|1|ZZPHI-NEXT^OF KIN\r"
    b"PV1|1|O|ED^ZZPHI-ROOM^^RGH||||ZZPHI-DOCTOR||||||||||||ZZPHI-VISIT|MC\r"
    b"FT1|1|ZZPHI-LINE|ZZPHI-BATCH|20260310||CG|80053|ZZPHI-TEXT||1|10.00|10.00|LAB||||||ZZPHI-DX\r"
    b"IN1|1|PLAN|MCR|ZZPHI-COMPANY||||ZZPHI-GROUP||||||||ZZPHI-NAME||||||||||||||||||||ZZPHI-POLICY\r"
)


FREE = f"{CANARY}JANE DOE"


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (b"ST*835*0001", b"ST*835*%s"),
        (b"ST*835*0001", b"ST*%s*0001"),
        (b"0600*1*X*", b"0600*%s*X*"),
        (b"*000000001*0*P", b"*%s*0*P"),
    ],
    ids=["ST02", "ST01", "GS06", "ISA13"],
)
def test_b92_free_text_in_the_place_of_a_control_number_is_repeated_nowhere(
    said: bytes, says: bytes
) -> None:
    free = f"{CANARY}001" if b"*0*P" in said else FREE  # ISA13 has nine characters
    raw = REMITTANCE.replace(said, says % free.encode())
    assert free.encode() in raw
    told = told_of(raw)
    assert [] == [text for text in (*told.findings, *told.facts) if CANARY in text]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (b"||DFT^P03|", b"||%s|"),
        (b"|DFT^P03|", b"|DFT^%s|"),
        (b"|M1|", b"|%s|"),
        (b"|M1|", b"|%s^M1|"),
    ],
    ids=["MSH-9.1", "MSH-9.2", "MSH-10", "MSH-10 cut"],
)
def test_b92_free_text_in_the_place_of_a_type_or_control_id_is_repeated_nowhere(
    said: bytes, says: bytes
) -> None:
    raw = CHARGE.replace(said, says % FREE.encode())
    assert FREE.encode() in raw
    translation = read_message(raw, channel("charges"))
    told = [*findings_of(translation), *translation.identities]
    assert [] == [text for text in told if CANARY in text]
    assert [] == [each for each in translation.routed if CANARY in repr(each)]


def test_the_banks_trace_stays_as_it_is_in_financial_fields_and_goes_nowhere_else() -> None:
    """Finance looks a payment up by TRN02: it names a deposit, not a person."""
    for event in events_of(REMITTANCE):
        kept = [
            name for name in event.fact.__struct_fields__ if TRACE in str(getattr(event.fact, name))
        ]
        assert {"remittance"} <= set(kept) <= {"remittance", "trace"}
        assert {"financial"} == {data_classes(type(event.fact))[name] for name in kept}
        assert TRACE not in f"{event.id} {event.where} {event.stamp}"
    told = told_of(REMITTANCE.replace(b"*141*C", b"*142*C"))  # out of balance: held, with findings
    assert told.findings
    assert [] == [text for text in told.findings if TRACE in text]
    assert all(TRACE not in repr(body) for body in journals())


def findings_of(translation: Translation, closed: tuple[Fault, ...] = ()) -> Iterator[str]:
    """Yield what is shown of a message: type, control id, and every finding."""
    yield f"{translation.type} {translation.control_id}"
    for each in (*translation.faults, *translation.notes, *closed):
        yield f"{each.code} {each.where} {each.explanation} {each.remedy}"


class Told(msgspec.Struct):
    """What of a file leaves the translation, the vault's secrets aside."""

    findings: list[str] = []
    facts: list[str] = []
    """Of accepted sets, with their streams; and the replies."""


def told_of(raw: bytes) -> Told:
    told = Told()
    routed: list[str] = []
    for piece in read_file((raw,), channel("remits")):
        match piece:
            case Routed():
                routed += [piece.stream, repr(encode_fact(piece.fact))]
                told.findings.append(piece.where)
            case Reading(translation=translation):
                told.findings += findings_of(translation)
                told.facts += routed if translation.status == "accepted" else []
                routed = []
            case Closed(faults=faults):
                told.findings += [f"{each.code} {each.where} {each.explanation}" for each in faults]
                told.facts.append(piece.reply.decode("latin-1"))
            case _:
                pass
    return told


def events_of(raw: bytes) -> tuple[Event, ...]:
    events, (translation,) = read_bytes(raw)
    assert "accepted" == translation.status, translation.faults
    return events


def test_the_canary_is_accepted_so_its_facts_are_looked_at() -> None:
    assert 3 == len(events_of(REMITTANCE))
    assert 2 == len(events_of(CHARGE))
    assert 30 < (REMITTANCE + CHARGE).count(CANARY.encode())


@pytest.mark.parametrize("raw", [REMITTANCE, CHARGE], ids=["835", "DFT"])
def test_no_fact_stream_or_path_holds_an_identifier(raw: bytes) -> None:
    for event in events_of(raw):
        assert CANARY.encode() not in encode_fact(event.fact)
        assert CANARY not in f"{event.id} {event.stream} {event.where} {event.stamp}"


@pytest.mark.parametrize("raw", [REMITTANCE, CHARGE], ids=["835", "DFT"])
def test_the_vault_holds_what_the_facts_do_not(raw: bytes) -> None:
    secrets = [
        secret
        for piece in read_file((raw,), channel("remits"))
        for secret in (
            piece.secrets
            if isinstance(piece, Routed)
            else piece.translation.secrets
            if isinstance(piece, Reading)
            else ()
        )
    ]
    assert secrets
    assert all(secret.value.startswith(CANARY) for secret in secrets)
    assert not any(CANARY in secret.token for secret in secrets)


NAME = re.compile(f"{CANARY}(?!9|X)")
"""The canary, but not where the damage below put it."""


def damaged(raw: bytes, separator: bytes) -> Iterator[bytes]:
    """Yield the bytes with each segment dropped, doubled, moved, emptied, cut or garbled."""
    segments = raw.split(separator)
    for number, segment in enumerate(segments):
        before, after = segments[:number], segments[number + 1 :]
        for instead in (
            [],
            [segment, segment],
            [segment.replace(b"*", b"*ZZPHI-X*").replace(b"|", b"|ZZPHI-X|")],
            [re.sub(rb"[0-9]+", b"ZZPHI-9", segment)],
            [segment[: len(segment) // 2]],
            [b"ZZPHI-TEXT", segment],
            [segment[::-1]],
        ):
            yield separator.join([*before, *instead, *after])
        yield separator.join(segments[:number])
        yield separator.join([*after, *before])


def test_no_fault_of_a_damaged_remittance_repeats_a_value_and_no_fact_a_name() -> None:
    """The damage itself may come back in a fact: it also hits codes that name nobody."""
    codes: set[str] = set()
    facts_count = 0
    for raw in damaged(REMITTANCE, b"~"):
        told = told_of(raw)
        assert [] == [text for text in told.findings if CANARY in text], raw
        assert [] == [text for text in told.facts if NAME.search(text)], raw
        codes |= {text.partition(" ")[0] for text in told.findings if text.startswith("x12.")}
        facts_count += len(told.facts)
    assert 20 < len(codes), "the damage must be worth looking at"
    assert 500 < facts_count, "and must leave something to accept"


def test_no_fault_of_a_damaged_message_repeats_a_value() -> None:
    for raw in damaged(CHARGE, b"\r"):
        shown, *findings = findings_of(read_message(raw, channel("charges")))
        assert [] == [text for text in findings if CANARY in text], raw
        assert not NAME.search(shown), "the damage itself may look like a control id"


# The journal -------------------------------------------------------------------------------------

OF_THE_ESTATE = {"reference", "entity", "currency", "description", "source", "account"}
"""Payload fields that the estate or Suture itself fills."""
FROM_FACTS = {
    "accounting_date": ["ChargePosted.posted_on", "ClaimAdjudicated.paid_on"],
    "debit_minor": ["ChargePosted.amount_minor", "ClaimAdjudicated.paid_minor"],
    "credit_minor": ["ChargePosted.amount_minor", "ClaimAdjudicated.paid_minor"],
    "facility": ["ChargePosted.facility", "ClaimAdjudicated.facility"],
    "cost_center": ["ChargePosted.department"],
    "service_line": ["ChargePosted.department", "ChargePosted.transaction_code"],
    "payer_class": ["AccountRegistered.payer", "ClaimAdjudicated.payer"],
}
"""Payload fields that come from facts, and from which."""


def journals() -> list[dict[str, Any]]:
    """Return the journals that the canary comes to, as the ERP gets them."""
    riverbend = Riverbend()
    riverbend.tell(*events_of(REMITTANCE), *events_of(CHARGE))
    bodies = [
        Journal(
            reference="SUT7KQ2000000001",
            policy=scope.policy,
            entity=scope.entity,
            currency=scope.currency,
            accounting_on=scope.accounting_on,
            lines=lines,
            entry_ids=tuple(riverbend.entries),
        ).body()
        for scope, lines in summarise(riverbend.entries.values()).items()
    ]
    assert not any(CANARY.encode() in body or SURROGATE.search(body) for body in bodies)
    return [msgspec.json.decode(body) for body in bodies]


def test_a_journal_holds_neither_an_identifier_nor_a_surrogate() -> None:
    assert 2 == len(journals())


def test_every_field_of_a_journal_is_financial_or_operational() -> None:
    fields = {name for body in journals() for name in body} - {"lines"}
    fields |= {name for body in journals() for line in body["lines"] for name in line}
    assert OF_THE_ESTATE | FROM_FACTS.keys() == fields
    facts = {fact.__name__: data_classes(fact) for fact in fact_types()}
    origins = [origin.partition(".") for each in FROM_FACTS.values() for origin in each]
    assert {"financial", "operational"} == {facts[fact][field] for fact, _, field in origins}
