"""Faults planted in a day of the story: what real interfaces do wrong, each under its own name.

Duplicates, messages out of order, a control id used twice (B20), a department nobody mapped, a
charge told twice under two messages, Z-segments (B25), line feeds (B18); remittances out of balance
(B28), under another file name (B30), under a trace already used (B31). What only the outside can
heal is healed by a later message or file, the next morning or, on the last day, the same evening;
the unmapped department by a row in the crosswalk (`places.UNMAPPED_HEALED_BY`). Each fault is
planted as soon as a day offers it, and the first day offers all of them; then now and then.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from suture.simulator.health_system.places import UNMAPPED_DEPARTMENT, UNMAPPED_FACILITY
from suture.simulator.health_system.remittance import RemittanceFile
from suture.simulator.health_system.visit import DAY, HOUR, MINUTE, Draft

EXACT_DUPLICATE = "exact_duplicate"
DISCHARGE_FIRST = "discharge_before_admission"
CHARGE_FIRST = "charge_before_registration"
CANCEL_FIRST = "cancel_before_booking"
CONTROL_ID_REUSED = "control_id_reused"
DEPARTMENT_UNMAPPED = "department_unmapped"
CHARGE_REPEATED = "charge_repeated"
Z_SEGMENT = "z_segment"
LINE_FEEDS = "line_feeds"
REMITTANCE_UNBALANCED = "remittance_unbalanced"
FILE_DUPLICATED = "file_duplicated"
TRACE_REUSED = "trace_reused"

FAULTS = (
    DISCHARGE_FIRST,
    CHARGE_FIRST,
    CANCEL_FIRST,
    CONTROL_ID_REUSED,
    DEPARTMENT_UNMAPPED,
    CHARGE_REPEATED,
    EXACT_DUPLICATE,
    Z_SEGMENT,
    LINE_FEEDS,
    REMITTANCE_UNBALANCED,
    FILE_DUPLICATED,
    TRACE_REUSED,
)
"""Every planted fault, in the order they choose their messages."""

HEALED_BY_SENDER = frozenset((CONTROL_ID_REUSED, REMITTANCE_UNBALANCED))
"""Faults that a later message or file of the plan puts right."""

_AGAIN = 0.35
_OPENINGS = frozenset(("A01", "A04"))
_MISPRINTS_MINOR = (-99, -27, -10, -1, 1, 9, 54, 90)


class Day(msgspec.Struct, kw_only=True):
    """What is sent on one day; `spoil` changes it in place."""

    number: int
    drafts: list[Draft]
    """By time of sending."""
    files: list[RemittanceFile]
    later: list[Draft] = []
    """Healing messages of later days."""
    files_later: list[RemittanceFile] = []

    @property
    def ends_at(self) -> int:
        """The last second of the day."""
        return self.number * DAY - 1


class Planter:
    """Plants faults, day by day."""

    def __init__(self, dice: random.Random, days: int) -> None:
        """Take the dice and how many days the plan has."""
        self._dice = dice
        self._days = days
        self._missing = set(FAULTS)
        self._plant: dict[str, Callable[[Day], bool]] = {
            EXACT_DUPLICATE: self._send_twice,
            DISCHARGE_FIRST: lambda day: self._delay_opening(day, "A03", DISCHARGE_FIRST),
            CHARGE_FIRST: lambda day: self._delay_opening(day, "P03", CHARGE_FIRST),
            CANCEL_FIRST: self._delay_booking,
            CONTROL_ID_REUSED: self._reuse_control_id,
            DEPARTMENT_UNMAPPED: self._charge_to_new_department,
            CHARGE_REPEATED: self._repeat_charge,
            Z_SEGMENT: lambda day: self._deform(day, Z_SEGMENT),
            LINE_FEEDS: lambda day: self._deform(day, LINE_FEEDS),
            REMITTANCE_UNBALANCED: self._misprint,
            FILE_DUPLICATED: self._rename_file,
            TRACE_REUSED: self._export_again,
        }

    def spoil(self, day: Day) -> None:
        """Plant faults in a day, its drafts and files changed, added to and put in order again."""
        for fault in FAULTS:
            if fault not in self._missing and self._dice.random() >= _AGAIN:
                continue
            if self._plant[fault](day):
                self._missing.discard(fault)
        day.drafts.sort(key=lambda draft: draft.send_at)
        day.files.sort(key=lambda file: file.send_at)

    def _healed_at(self, day: Day, spoilt_at: int, morning_at: int) -> int:
        """Return when its sender puts a fault right: in the morning, if there will be one."""
        if day.number < self._days:
            return day.ends_at + 1 + morning_at
        return min(spoilt_at + 4 * HOUR, day.ends_at)

    def _choose(
        self,
        day: Day,
        is_fit: Callable[[Draft], bool] = lambda draft: True,  # noqa: ARG005
    ) -> int | None:
        """Return the place of a draft that nothing was done to yet; None when there is none."""
        fit = [
            place
            for place, draft in enumerate(day.drafts)
            if _is_untouched(draft) and is_fit(draft)
        ]
        return self._dice.choice(fit) if fit else None

    def _send_twice(self, day: Day) -> bool:
        place = self._choose(day)
        if place is None:
            return False
        original = day.drafts[place]
        mark = f"{EXACT_DUPLICATE}-{day.number}"
        day.drafts[place] = msgspec.structs.replace(original, mark=mark)
        at = min(original.send_at + self._dice.randrange(1, 90) * MINUTE, day.ends_at)
        again = msgspec.structs.replace(
            original, send_at=at, planted=EXACT_DUPLICATE, echoes=mark, is_counted=False
        )
        day.drafts.append(again)
        return True

    def _delay_opening(self, day: Day, overtaking: str, fault: str) -> bool:
        """Let an A01 or A04 arrive after what should follow it, recorded when it was."""
        openings = {
            draft.visit.account: place
            for place, draft in enumerate(day.drafts)
            if draft.trigger in _OPENINGS and _is_untouched(draft)
        }
        for draft in day.drafts:
            place = openings.get(draft.visit.account)
            if place is None or draft.send_at < day.drafts[place].send_at:
                continue
            if overtaking == "P03" and draft.trigger == "P03" and not _is_charge(draft):
                continue
            if draft.trigger == overtaking and _is_untouched(draft):
                day.drafts[place] = msgspec.structs.replace(
                    day.drafts[place], send_at=draft.send_at + MINUTE, planted=fault
                )
                return True
            if overtaking == "P03" and draft is not day.drafts[place]:
                # Another registration message comes first: the account would be known by it.
                del openings[draft.visit.account]
        return False

    def _delay_booking(self, day: Day) -> bool:
        cancelled = {
            draft.appointment.number: draft.send_at
            for draft in day.drafts
            if draft.trigger == "S15" and draft.appointment is not None
        }
        for place, draft in enumerate(day.drafts):
            if draft.trigger != "S12" or draft.appointment is None or not _is_untouched(draft):
                continue
            cancelled_at = cancelled.get(draft.appointment.number)
            if cancelled_at is not None:
                day.drafts[place] = msgspec.structs.replace(
                    draft, send_at=cancelled_at + MINUTE, planted=CANCEL_FIRST
                )
                return True
        return False

    def _reuse_control_id(self, day: Day) -> bool:
        """Send another charge of the same patient under the control id of the one before.

        The same patient's, because their messages keep their order: the first one has the id.
        """
        before: dict[str, int] = {}
        for place, draft in enumerate(day.drafts):
            if not (_is_charge(draft) and _is_untouched(draft)):
                continue
            first = before.setdefault(draft.visit.account, place)
            if first == place:
                continue
            mark = f"{CONTROL_ID_REUSED}-{day.number}"
            day.drafts[first] = msgspec.structs.replace(day.drafts[first], mark=mark)
            day.drafts[place] = msgspec.structs.replace(
                draft, planted=CONTROL_ID_REUSED, reuses=mark, is_counted=False
            )
            at = self._healed_at(day, draft.send_at, 9 * HOUR + self._dice.randrange(HOUR))
            healing = msgspec.structs.replace(draft, send_at=at, heals=CONTROL_ID_REUSED)
            (day.drafts if at <= day.ends_at else day.later).append(healing)
            return True
        return False

    def _charge_to_new_department(self, day: Day) -> bool:
        place = self._choose(
            day, lambda draft: _is_charge(draft) and draft.visit.facility == UNMAPPED_FACILITY
        )
        if place is None:
            return False
        draft = day.drafts[place]
        moved = msgspec.structs.replace(draft.lines[0], department=UNMAPPED_DEPARTMENT)
        day.drafts[place] = msgspec.structs.replace(
            draft, lines=(moved, *draft.lines[1:]), planted=DEPARTMENT_UNMAPPED
        )
        return True

    def _repeat_charge(self, day: Day) -> bool:
        place = self._choose(day, _is_charge)
        if place is None:
            return False
        draft = day.drafts[place]
        at = min(draft.send_at + self._dice.randrange(20, 200) * MINUTE, day.ends_at)
        day.drafts.append(
            msgspec.structs.replace(
                draft, send_at=at, recorded_at=at, planted=CHARGE_REPEATED, is_counted=False
            )
        )
        return True

    def _deform(self, day: Day, form: str) -> bool:
        place = self._choose(day)
        if place is None:
            return False
        day.drafts[place] = msgspec.structs.replace(day.drafts[place], form=form, planted=form)
        return True

    def _choose_file(self, day: Day, paid_minor_min: int = 0) -> int | None:
        """Return the place of a file that nothing was done to yet and that pays so much at once."""
        fit = [
            place
            for place, file in enumerate(day.files)
            if not (file.planted or file.heals or file.mark)
            and max(each.paid_minor for each in file.remittances) >= paid_minor_min
        ]
        return self._dice.choice(fit) if fit else None

    def _misprint(self, day: Day) -> bool:
        """Print BPR02 wrong by some cents; the payer sends that one right soon after."""
        place = self._choose_file(day, paid_minor_min=100)
        if place is None:
            return False
        file = day.files[place]
        chosen = max(file.remittances, key=lambda each: each.paid_minor)
        misprint_minor = self._dice.choice(_MISPRINTS_MINOR)
        wrong = msgspec.structs.replace(chosen, misprint_minor=misprint_minor)
        remittances = tuple(wrong if each is chosen else each for each in file.remittances)
        day.files[place] = msgspec.structs.replace(
            file, remittances=remittances, planted=REMITTANCE_UNBALANCED
        )
        corrected = RemittanceFile(
            payer=file.payer,
            remittances=(chosen,),
            send_at=self._healed_at(day, file.send_at, 8 * HOUR),
            heals=REMITTANCE_UNBALANCED,
        )
        is_today = corrected.send_at <= day.ends_at
        (day.files if is_today else day.files_later).append(corrected)
        return True

    def _rename_file(self, day: Day) -> bool:
        """Drop a file a second time, under another name."""
        place = self._choose_file(day)
        if place is None:
            return False
        file = day.files[place]
        mark = f"{FILE_DUPLICATED}-{day.number}"
        day.files[place] = msgspec.structs.replace(file, mark=mark)
        again = msgspec.structs.replace(
            file,
            send_at=file.send_at + 2 * HOUR,
            planted=FILE_DUPLICATED,
            echoes=mark,
            is_counted=False,
        )
        day.files.append(again)
        return True

    def _export_again(self, day: Day) -> bool:
        """Send a remittance again under its trace, dated otherwise: nobody can tell which is right.

        With the same content it would only be a repeat. One that pays something, where the day has
        one: of nothing it matters little which is right.
        """
        place = self._choose_file(day, paid_minor_min=100)
        if place is None:
            place = self._choose_file(day)
        if place is None:
            return False
        file = day.files[place]
        told = max(file.remittances, key=lambda each: each.paid_minor)
        again = msgspec.structs.replace(
            file,
            remittances=(msgspec.structs.replace(told, paid_at=told.paid_at + DAY),),
            send_at=file.send_at + 3 * HOUR,
            planted=TRACE_REUSED,
            is_counted=False,
        )
        day.files.append(again)
        return True


def _is_untouched(draft: Draft) -> bool:
    is_marked = draft.planted or draft.heals or draft.mark or draft.form
    return not is_marked and draft.visit.person.key != "canary"


def _is_charge(draft: Draft) -> bool:
    return any(line.type == "CG" for line in draft.lines)
