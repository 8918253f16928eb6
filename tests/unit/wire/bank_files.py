"""Bank files for tests: NACHA and BAI2, written with their totals as the rules ask for them."""

from __future__ import annotations

from collections.abc import Sequence

ROUTING = "09100001"


def entry(
    amount_minor: int = 123_450, code: str = "22", trace: str = "091000010000001", addenda: int = 0
) -> str:
    """Return an entry detail record."""
    return (
        f"6{code}{ROUTING}2{'4412345678':<17}{amount_minor:010d}{'ID-1':<15}"
        f"{'RIVERBEND HEALTH':<22}  {int(addenda > 0)}{trace:<15}"
    )


def addenda(text: str, sequence: int = 1, kind: str = "05") -> str:
    """Return an addenda record of 80 characters of payment related information."""
    return f"7{kind}{text:<80}{sequence:04d}{'0000001':<7}"


def batch(
    records: Sequence[str], *, number: int = 1, entry_class: str = "CCD", on: str = "260302"
) -> list[str]:
    """Return a batch with its header and control record."""
    header = (
        f"5200{'MERIDIAN HEALTH':<16}{'':<20}1512345678{entry_class}{'HCCLAIMPMT':<10}"
        f"{'260301':<6}{on:<6}   1{ROUTING}{number:07d}"
    )
    entries = [each for each in records if each[0] == "6"]
    control = (
        f"8200{len(records):06d}{sum(int(each[3:11]) for each in entries) % 10**10:010d}"
        f"{_sum(entries, '56789'):012d}{_sum(entries, '01234'):012d}1512345678{'':<19}{'':<6}"
        f"{ROUTING}{number:07d}"
    )
    return [header, *records, control]


def _sum(entries: Sequence[str], sides: str) -> int:
    return sum(int(each[29:39]) for each in entries if each[2] in sides)


def nacha(*batches: Sequence[str], end: str = "\n") -> bytes:
    """Return a file with its control record and padding."""
    header = f"101 091000019 1234567892603010730A094101{'RIVERBEND BANK':<23}{'BANK':<23}{'':<8}"
    inside = [record for each in batches for record in each]
    entries = [each for each in inside if each[0] == "6"]
    count = len(inside) + 2
    blocks = -(-count // 10)
    control = (
        f"9{len(batches):06d}{blocks:06d}{sum(each[0] in '67' for each in inside):08d}"
        f"{sum(int(each[3:11]) for each in entries) % 10**10:010d}"
        f"{_sum(entries, '56789'):012d}{_sum(entries, '01234'):012d}{'':<39}"
    )
    records = [header, *inside, control, *["9" * 94] * (blocks * 10 - count)]
    assert {94} == {len(each) for each in records}
    return end.join([*records, ""]).encode()


def bai2(*transactions: str, summary: str = "015,500000,,,", account: str = "4412345678") -> bytes:
    """Return a file of one account: transactions are 16 and 88 records."""
    amounts = [int(each.split(",")[2] or 0) for each in transactions if each.startswith("16,")]
    parts = summary.split(",")
    opened = f"03,{account},USD,{summary.removesuffix(',')}/"
    total = sum(amounts) + sum(int(each or 0) for each in parts[1::4])
    inside = [opened, *transactions]
    count = len(inside) + 1
    lines = [
        "01,BANK,RIVERBEND,260302,0730,0001,80,,2/",
        "02,RIVERBEND,BANK,1,260301,2359,USD,2/",
        *inside,
        f"49,{total},{count}/",
        f"98,{total},1,{count + 2}/",
        f"99,{total},1,{count + 4}/",
    ]
    return "\r\n".join([*lines, ""]).encode()
