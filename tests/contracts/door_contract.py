"""What every door passes: a contract for each port of `connectors/ports.py`, and one for settings.

A connector's test inherits the contract of its port and `SettingsContract`, and says how its peer
speaks: `test_door_mllp.py`, `test_door_files.py`; a door to be asked, `test_door_pull.py`. What is
peculiar to a protocol is tested beside it. How the engine takes what doors bring is
`tests/integration/test_intake_*.py`.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any, ClassVar

import msgspec
import pytest

from suture.connectors import registry
from suture.connectors.ports import (
    PULLED_MESSAGES_MAX,
    BodyVerdict,
    FileDoor,
    MessageDoor,
    NotStoredError,
    PullDoor,
    Surroundings,
    read_chunks,
)
from suture.governance.connector import (
    DestinationSettings,
    SourceSettings,
    is_secret,
    literal_secrets,
)
from suture.governance.reading import Document
from suture.model.fault import Fault

PATIENCE_SECONDS = 10
SECRETS = re.compile(r"(?:token|password|passphrase|secret|(?:private|api|host)_?key)\Z")
FEW_CONNECTIONS = 3
SMALL_BYTES = 4096
SOON_SECONDS = 0.4


class SettingsContract:
    """The settings of a connector, and what tells people about them."""

    connector: ClassVar[str]
    settings_type: ClassVar[type[SourceSettings | DestinationSettings]]

    @property
    def folder(self) -> Path:
        return Path(inspect.getfile(self.settings_type)).parent

    def test_it_has_its_line_in_the_registry(self) -> None:
        is_source = issubclass(self.settings_type, SourceSettings)
        known = registry.CONNECTORS.sources if is_source else registry.CONNECTORS.destinations
        assert known[self.connector] is self.settings_type
        assert (self.folder / "door.py").is_file()

    def test_its_readme_names_every_setting(self) -> None:
        readme = (self.folder / "README.md").read_text(encoding="utf-8")
        missing = [
            ".".join(keys)
            for keys, _ in fields_of(self.settings_type)
            if not re.search(rf"`(?:[a-z_]+\.)*{keys[-1]}`", readme)
        ]
        assert [] == missing

    def test_whatever_holds_a_secret_only_refers_to_it(self) -> None:
        literal = [
            ".".join(keys)
            for keys, kind in fields_of(self.settings_type)
            if SECRETS.search(keys[-1]) and not is_secret(kind)
        ]
        assert [] == literal, "a field of this name is a SecretReference"

    def test_b90_a_secret_in_clear_is_told_and_not_repeated(self) -> None:
        settings = self.valid()
        for keys, kind in fields_of(self.settings_type):
            if not is_secret(kind) or len(keys) > 1:
                continue
            told = msgspec.structs.replace(settings, **{keys[0]: "hunter2-in-clear"})
            document = Document("sources/x.toml", f"[x]\n{keys[0]} = ''\n", {})
            (found,) = literal_secrets(document, told, ("x",))
            assert ("estate.secret.literal", "sources/x.toml:2") == (found.code, found.where)
            assert "hunter2" not in repr(found)

    def test_valid_settings_have_no_fault_and_say_where_they_lead(self) -> None:
        settings = self.valid()
        document = Document("sources/x.toml", "", {})
        assert [] == [*settings.faults(document, ("x",)), *literal_secrets(document, settings, ())]
        if isinstance(settings, SourceSettings):
            assert settings.address(PurePath("/home"))
        else:
            assert settings.address
            assert settings.attempt_seconds_max > 0

    def valid(self) -> Any:
        """Return settings as somebody would write them."""
        raise NotImplementedError


def fields_of(
    shape: type[msgspec.Struct], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every setting with its type, those of tables in it under the table's name."""
    for field in msgspec.structs.fields(shape):
        keys = (*above, field.encode_name)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from fields_of(field.type, keys)
        else:
            yield keys, field.type


class Taking:
    """A taker that remembers, and answers when it is let; fills the port `Taker`."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.refused: list[str] = []
        self.observed: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_storing = True

    async def receive(self, raw: bytes) -> bytes:
        await self._store(raw)
        return b"MSH|^~\\&|||||||ACK|1|P|2.5.1\rMSA|AA|1"

    async def receive_body(self, raw: bytes) -> BodyVerdict:
        await self._store(raw)
        return BodyVerdict(id="trn_1", format="unknown", messages_count=1, status="accepted")

    async def _store(self, raw: bytes) -> None:
        self.taken.append(raw)
        await self.may_answer.wait()
        if not self.is_storing:
            raise NotStoredError("the store is away")

    async def refuse(self, remains: bytes, reason: Fault) -> bytes:
        self.refused.append(reason.code)
        return b""

    def observe(self, code: str, peer: str) -> None:
        assert peer
        self.observed.append(code)

    async def until_taken(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.taken) < count:  # noqa: ASYNC110 - the door says nothing
                await asyncio.sleep(0.005)


def surroundings_at(home: Path, **secrets: str) -> Surroundings:
    """Return the surroundings of a door, with secrets by what is after `env:` in a reference."""
    return Surroundings("a-source", home, lambda told: secrets.get(told.removeprefix("env:"), ""))


class MessageDoorContract:
    """What listens: it answers after the store, within its limits, and drains."""

    def settings(self, port: int = 0) -> SourceSettings:
        """Return settings of a door on this machine.

        It takes messages of `SMALL_BYTES`, `FEW_CONNECTIONS` of them from one peer, and each must
        have come in `SOON_SECONDS`.
        """
        raise NotImplementedError

    def message(self, number: int) -> bytes:
        """Return a message that may come in here."""
        raise NotImplementedError

    async def send(self, address: str, raw: bytes) -> bool:
        """Send a message as a peer does; return whether it was told that it is stored.

        Raises OSError or TimeoutError where it got no answer.
        """
        raise NotImplementedError

    def beginning(self, raw: bytes) -> bytes:
        """Return what a peer has sent on the wire that stopped in the middle of a message."""
        raise NotImplementedError

    # What holds for each -------------------------------------------------------------------------

    async def open(self, taking: Taking, home: Path, port: int = 0) -> MessageDoor:
        door = await registry.open_message_door(self.settings(port), taking, surroundings_at(home))
        assert not isinstance(door, Fault), door
        return door

    async def was_told(self, address: str, raw: bytes) -> bool:
        """Return whether a peer was told that its message is stored; silence says no."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self.send(address, raw)
        except OSError:
            return False

    async def test_a_message_is_answered_when_it_is_stored_and_not_before(
        self, tmp_path: Path
    ) -> None:
        taking = Taking()
        door = await self.open(taking, tmp_path)
        taking.may_answer.clear()
        sending = asyncio.create_task(self.was_told(door.address, self.message(1)))
        await taking.until_taken(1)
        await asyncio.sleep(0.1)
        assert not sending.done()
        taking.may_answer.set()
        assert await sending
        assert [self.message(1)] == taking.taken
        await door.drain()

    async def test_connections_do_not_wait_for_each_other(self, tmp_path: Path) -> None:
        taking = Taking()
        door = await self.open(taking, tmp_path)
        taking.may_answer.clear()
        sending = [
            asyncio.create_task(self.was_told(door.address, self.message(number)))
            for number in (1, 2)
        ]
        await taking.until_taken(2)
        taking.may_answer.set()
        assert [True, True] == await asyncio.gather(*sending)
        await door.drain()

    async def test_f20_nobody_is_told_that_a_message_is_stored_which_is_not(
        self, tmp_path: Path
    ) -> None:
        taking = Taking()
        door = await self.open(taking, tmp_path)
        taking.is_storing = False
        assert not await self.was_told(door.address, self.message(1))
        taking.is_storing = True
        assert await self.was_told(door.address, self.message(1)), "sent again, it is"
        await door.drain()

    async def test_b2_a_message_that_is_too_large_is_not_taken(self, tmp_path: Path) -> None:
        taking = Taking()
        door = await self.open(taking, tmp_path)
        assert not await self.was_told(door.address, self.message(1) + b" " * 3 * SMALL_BYTES)
        assert [] == taking.taken
        assert await self.was_told(door.address, self.message(2)), "the next one is"
        await door.drain()

    async def test_b3_a_message_that_never_ends_is_cut_off(self, tmp_path: Path) -> None:
        taking = Taking()
        door = await self.open(taking, tmp_path)
        reader, writer = await connected(door.address)
        writer.write(self.beginning(self.message(1)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ended(reader)
        writer.close()
        assert ([], 1) == (taking.taken, len(taking.observed))
        await door.drain()

    async def test_b4_one_peer_has_so_many_connections_and_no_more(self, tmp_path: Path) -> None:
        taking = Taking()
        door = await self.open(taking, tmp_path)
        held = [await connected(door.address) for _ in range(FEW_CONNECTIONS)]
        await asyncio.sleep(0.05)
        assert not await self.was_told(door.address, self.message(1))
        for _, writer in held:
            writer.close()
        for _ in range(int(PATIENCE_SECONDS / 0.02)):
            if await self.was_told(door.address, self.message(2)):
                break
            await asyncio.sleep(0.02)
        assert [self.message(2)] == taking.taken
        await door.drain()

    async def test_draining_answers_what_is_under_way_and_takes_nothing_more(
        self, tmp_path: Path
    ) -> None:
        taking = Taking()
        door = await self.open(taking, tmp_path)
        taking.may_answer.clear()
        sending = asyncio.create_task(self.was_told(door.address, self.message(1)))
        await taking.until_taken(1)
        draining = asyncio.create_task(door.drain())
        await asyncio.sleep(0.05)
        assert not draining.done()
        taking.may_answer.set()
        assert await sending
        await asyncio.wait_for(draining, PATIENCE_SECONDS)
        assert not await self.was_told(door.address, self.message(2))
        assert [self.message(1)] == taking.taken

    async def test_a_place_that_cannot_be_listened_on_says_what_to_do(self, tmp_path: Path) -> None:
        first = await self.open(Taking(), tmp_path)
        _, port = place_of(first.address)
        told = await registry.open_message_door(
            self.settings(port), Taking(), surroundings_at(tmp_path)
        )
        assert isinstance(told, Fault)
        assert told.remedy
        assert not told.permanent, "it is tried again"
        await first.drain()
        again = await self.open(Taking(), tmp_path, port)
        await again.drain()


async def connected(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to an address as a door tells it: `host:port`, with a scheme or path or without."""
    return await asyncio.open_connection(*place_of(address))


def place_of(address: str) -> tuple[str, int]:
    """Return the host and port of an address as a door tells it."""
    found = re.search(r"([\w.-]+):(\d+)", address)
    assert found, address
    return found[1], int(found[2])


async def ended(reader: asyncio.StreamReader) -> None:
    """Wait until the other side has closed."""
    try:
        while await reader.read(65_536):
            pass
    except ConnectionResetError:
        return


class FileDoorContract:
    """What holds files: it hands on those that are whole, and takes them away when told."""

    home: Path

    def settings(self) -> SourceSettings:
        """Return settings of a place where a file is whole at once, and of `SMALL_BYTES` at most.

        Nothing is archived.
        """
        raise NotImplementedError

    def unusable_settings(self) -> SourceSettings:
        """Return settings of a place that cannot be used."""
        raise NotImplementedError

    async def put(self, name: str, content: bytes) -> None:
        """Bring a file, as a sender does."""
        raise NotImplementedError

    async def inbox(self) -> dict[str, bytes]:
        """Return what lies where senders put files, by name."""
        raise NotImplementedError

    async def aside(self) -> list[str]:
        """Return the names of what was put aside."""
        raise NotImplementedError

    async def replies(self) -> dict[str, bytes]:
        """Return what was left for senders."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _at_home(self, tmp_path: Path) -> None:
        self.home = tmp_path

    # What holds for each -------------------------------------------------------------------------

    def surroundings(self) -> Surroundings:
        """Return where it is opened, with the secrets that its settings refer to."""
        return surroundings_at(self.home)

    async def open(self) -> FileDoor[Any]:
        door = await registry.open_file_door(self.settings(), self.surroundings())
        assert not isinstance(door, Fault), door
        return door

    async def found(self, door: FileDoor[Any]) -> list[Any]:
        found = await door.find(1000.0)
        assert not isinstance(found, Fault), found
        return list(found)

    async def test_a_whole_file_is_found_read_three_times_and_taken_away(self) -> None:
        door = await self.open()
        assert [] == await self.found(door)
        content = b"ISA*" + b"x" * 1000
        await self.put("a.835", content)
        (file,) = await self.found(door)
        assert ("a.835", "") == (file.name, file.refusal)
        assert [file.mark] == [each.mark for each in await self.found(door)], "until it is settled"
        with await door.open(file) as stream:
            for _ in range(3):
                stream.seek(0)
                assert content == b"".join(read_chunks(stream))
        await door.settle(file, identity="trn_1")
        assert ({}, []) == (await self.inbox(), await self.found(door))
        await door.close()

    async def test_every_whole_file_is_found(self) -> None:
        door = await self.open()
        for name in ("b.835", "a.835"):
            await self.put(name, name.encode())
        assert {"a.835", "b.835"} == {each.name for each in await self.found(door)}
        await door.close()

    async def test_b65_a_file_that_is_replaced_is_neither_read_nor_taken_away(self) -> None:
        door = await self.open()
        await self.put("a.835", b"first")
        (file,) = await self.found(door)
        await self.put("a.835", b"the second, longer")
        with pytest.raises(OSError, match=r"."):
            (await door.open(file)).close()
        await door.settle(file, identity="trn_1")
        assert {"a.835": b"the second, longer"} == await self.inbox()
        await door.close()

    async def test_a_file_that_is_too_large_is_put_aside_without_its_name(self) -> None:
        door = await self.open()
        await self.put("DOE_JANE.835", b"x" * (SMALL_BYTES + 1))
        (file,) = await self.found(door)
        assert file.refusal
        await door.put_aside(file, identity="trn_9")
        assert (["trn_9"], {}) == (await self.aside(), await self.inbox())
        await door.close()

    async def test_b61_a_name_is_made_safe_to_show(self) -> None:
        door = await self.open()
        await self.put("a\u202e\u0007b.835", b"x")
        (file,) = await self.found(door)
        assert "ab.835" == file.name
        await door.close()

    async def test_a_reply_is_left_for_the_sender(self) -> None:
        door = await self.open()
        await door.reply("trn_1-a.999", b"ISA*999")
        assert {"trn_1-a.999": b"ISA*999"} == await self.replies()
        assert [] == await self.found(door), "and is no file of the sender's"
        await door.close()

    async def test_a_place_that_cannot_be_used_says_what_to_do(self) -> None:
        told = await registry.open_file_door(self.unusable_settings(), self.surroundings())
        assert isinstance(told, Fault)
        assert told.remedy
        assert not told.permanent, "it is tried again"


class PullDoorContract:
    """What is asked: it brings everything once it is asked from a watermark, in pieces."""

    async def open(self) -> PullDoor:
        """Open the door to a peer that holds nothing yet."""
        raise NotImplementedError

    async def fill(self, *bodies: bytes) -> None:
        """Let the peer hold more, later than what it holds."""
        raise NotImplementedError

    async def stop_peer(self) -> None:
        """Let the peer be away from now on."""
        raise NotImplementedError

    # What holds for each -------------------------------------------------------------------------

    async def poll(self, door: PullDoor, watermark: str = "") -> list[tuple[bytes, str]]:
        pulled = await door.poll(watermark)
        assert not isinstance(pulled, Fault), pulled
        return [(each.raw, each.watermark) for each in pulled]

    async def everything(self, door: PullDoor, watermark: str = "") -> list[bytes]:
        """Return all there is after a watermark, each the first time it comes."""
        seen: list[bytes] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while pulled := await self.poll(door, watermark):
                new = [raw for raw, _ in pulled if raw not in seen]
                seen += new
                if not new:
                    return seen
                watermark = pulled[-1][1]
                await door.settled(watermark)
        return seen

    async def test_it_brings_everything_oldest_first(self) -> None:
        door = await self.open()
        assert [] == await self.poll(door)
        bodies = [f"body {number}".encode() for number in range(7)]
        await self.fill(*bodies)
        assert bodies == await self.everything(door)
        assert door.interval_seconds > 0
        assert door.address
        await door.close()

    async def test_it_goes_on_after_any_watermark_it_gave(self) -> None:
        door = await self.open()
        await self.fill(b"one", b"two", b"three")
        watermarks = [watermark for _, watermark in await self.poll(door)]
        await door.close()
        again = await self.open_again()
        assert b"three" in await self.everything(again, watermarks[1])
        await self.fill(b"four")
        assert b"four" in await self.everything(again, watermarks[-1])
        await again.close()

    async def open_again(self) -> PullDoor:
        """Open another door to the same peer, as after a restart."""
        raise NotImplementedError

    async def test_what_was_not_settled_comes_again(self) -> None:
        door = await self.open()
        await self.fill(b"one")
        first = await self.poll(door)
        await door.close()
        again = await self.open_again()
        assert first == await self.poll(again)
        await again.close()

    async def test_one_answer_has_a_bound(self) -> None:
        door = await self.open()
        await self.fill(*(str(number).encode() for number in range(PULLED_MESSAGES_MAX + 3)))
        assert len(await self.poll(door)) <= PULLED_MESSAGES_MAX
        assert PULLED_MESSAGES_MAX + 3 == len(await self.everything(door))
        await door.close()

    async def test_a_peer_that_is_away_is_told_and_asked_again(self) -> None:
        door = await self.open()
        await self.stop_peer()
        told = await door.poll("")
        assert isinstance(told, Fault)
        assert told.remedy
        assert not told.permanent
        await door.close()
