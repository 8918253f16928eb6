-- name: append_messages
-- Append a batch of messages whose identity is new, with all that hangs on them; say of every identity who holds it.
with claimed as (
    insert into message_identity (identity, message_id, sha256)
    select * from unnest($1::text[], $2::text[], $3::bytea[])
    on conflict do nothing
    returning message_id
), stored as (
    insert into message (id, source, format, type, control_id, status, sha256, bytes_count, received_at, events_count, sealed, reply)
    select m.* from unnest($2::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $3::bytea[], $9::bigint[],
        $10::timestamptz[], $11::integer[], $12::bytea[], $13::bytea[])
        m(id, source, format, type, control_id, status, sha256, bytes_count, received_at, events_count, sealed, reply)
    join claimed on claimed.message_id = m.id
), told as (
    insert into event (id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload)
    select e.* from unnest($14::text[], $15::text[], $16::text[], $17::smallint[], $18::text[], $19::text[], $20::text[], $21::text[],
        $22::bigint[], $23::bytea[]) e(id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload)
    join claimed on claimed.message_id = e.message_id
), arrived as (
    insert into inbox (partition, event_id)
    select i.partition, i.event_id from unnest($17::smallint[], $14::text[], $15::text[]) with ordinality
        i(partition, event_id, message_id, place)
    join claimed on claimed.message_id = i.message_id order by i.place
), counted as (
    insert into control_total (message_id, name, items_count, amount_minor)
    select t.* from unnest($24::text[], $25::text[], $26::bigint[], $27::bigint[]) t(message_id, name, items_count, amount_minor)
    join claimed on claimed.message_id = t.message_id
), kept as (
    insert into vault (token, kind, sealed)
    select * from unnest($28::text[], $29::text[], $30::bytea[])
    on conflict do nothing
), opened as (
    insert into work_item (id, group_key, code, owner, source, message_id, path, explanation, remedy, amount_minor)
    select w.* from unnest($31::text[], $32::text[], $33::text[], $34::text[], $35::text[], $36::text[], $37::text[], $38::text[],
        $39::text[], $40::bigint[]) w(id, group_key, code, owner, source, message_id, path, explanation, remedy, amount_minor)
    join claimed on claimed.message_id = w.message_id
)
select message_id from claimed

-- name: find_identities
-- Who holds these identities, with the digest and the reply that were stored.
select i.identity, i.message_id, i.sha256, m.reply, m.status
from message_identity i join message m on m.id = i.message_id
where i.identity = any($1::text[])

-- name: append_repeats
-- Note that messages already held arrived again, byte for byte.
insert into message_repeat (message_id, received_at) select * from unnest($1::text[], $2::timestamptz[])

-- name: claim_identity
-- Claim one identity for a message; no row when another message holds it.
insert into message_identity (identity, message_id, sha256) values ($1, $2, $3)
on conflict do nothing returning message_id

-- name: append_transmission
-- Begin a file: no row when the same source already sent the same bytes.
insert into transmission (id, source, sealed_name, sha256, bytes_count, received_at) values ($1, $2, $3, $4, $5, $6)
on conflict do nothing returning id

-- name: reply_transmission
-- What the sender of a file is owed, kept so that the same file again gets the same.
update transmission set reply_name = $2, reply = $3 where id = $1

-- name: append_chunk
-- One sealed piece of a file.
insert into transmission_chunk (transmission_id, ordinal, sealed) values ($1, $2, $3)

-- name: append_message
-- One message of a file: its bytes are a span of its transmission.
insert into message (id, source, format, type, control_id, status, sha256, bytes_count, received_at, events_count,
    transmission_id, bytes_offset, reply)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- name: append_events
-- Append events of one message and queue them for the owners of their partitions, in order.
with told as (
    insert into event (id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::bigint[], $10::bytea[])
)
insert into inbox (partition, event_id)
select i.partition, i.event_id from unnest($4::smallint[], $1::text[]) with ordinality i(partition, event_id, place) order by i.place

-- name: append_totals
-- What a message says it is worth.
insert into control_total (message_id, name, items_count, amount_minor) select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])

-- name: keep_secrets
-- Sealed identifiers behind their surrogates; the first one stays.
insert into vault (token, kind, sealed) select * from unnest($1::text[], $2::text[], $3::bytea[]) on conflict do nothing

-- name: find_identity_holder
-- Which message holds an identity.
select message_id from message_identity where identity = $1

-- name: append_transmission_repeats
-- A file came again, byte for byte: so did each of its messages. The reply that its sender is owed again.
with again as (
    select id, reply_name, reply from transmission where source = $1 and sha256 = $2
), noted as (
    insert into message_repeat (message_id, received_at)
    select m.id, $3 from message m join again on again.id = m.transmission_id
)
select reply_name, reply from again

-- name: name_identities
-- What a message names as its own to say although it was not accepted.
insert into message_named (identity, message_id) select identity, $1 from unnest($2::text[]) u(identity) on conflict do nothing

-- name: resolve_superseded
-- Close the exceptions of messages of this source that were not accepted, and named what another message now says in their place.
update work_item w set resolved_at = now(), resolution = $3
from message_named n join message m on m.id = n.message_id
where n.identity = any($1::text[]) and m.source = $2 and w.message_id = m.id and w.event_id = '' and w.resolved_at is null
returning w.id

-- name: open_message_item
-- A held or rejected message of a file: someone must look.
insert into work_item (id, group_key, code, owner, source, message_id, path, explanation, remedy, amount_minor)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
