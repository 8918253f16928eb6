-- name: append_messages
-- Append a batch of messages whose identity is new, with all that hangs on them; say which they were.
with arrived as materialized (
    select * from unnest($1::message_row[], $6::bytea[]) m(
        identity, id, source, format, type, control_id, status, sha256, bytes_count, received_at, events_count, sealed, reply,
        content_sha256
    )
), claimed as (
    insert into message_identity (identity, message_id, sha256)
    select identity, id, content_sha256 from arrived
    on conflict do nothing
    returning message_id
), stored as (
    insert into message (id, source, format, type, control_id, status, sha256, bytes_count, received_at, events_count, sealed, reply)
    select m.id, m.source, m.format, m.type, m.control_id, m.status, m.sha256, m.bytes_count, m.received_at, m.events_count, m.sealed,
        m.reply
    from arrived m join claimed on claimed.message_id = m.id
), told as materialized (
    select e.* from unnest($2::event_row[]) with ordinality
        e(id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload, place)
    join claimed on claimed.message_id = e.message_id
), logged as (
    insert into event (id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload)
    select id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload from told
), queued as (
    insert into inbox (partition, event_id) select partition, id from told order by place
), counted as (
    insert into control_total (message_id, name, items_count, amount_minor)
    select t.* from unnest($3::control_total_row[]) t join claimed on claimed.message_id = t.message_id
), kept as (
    insert into vault (token, kind, sealed) select * from unnest($4::secret_row[]) on conflict do nothing
), opened as (
    insert into work_item (id, group_key, code, owner, source, message_id, path, explanation, remedy, amount_minor)
    select w.id, w.group_key, w.code, w.owner, w.source, w.message_id, w.path, w.explanation, w.remedy, w.amount_minor
    from unnest($5::work_item_row[]) w join claimed on claimed.message_id = w.message_id
)
select message_id from claimed

-- name: find_identities
-- Who holds these identities, with the digest of its content and the reply that were stored.
select i.identity, i.message_id, i.sha256, m.reply, m.status
from message_identity i join message m on m.id = i.message_id
where i.identity = any($1::text[])

-- name: append_repeats
-- Note that messages already held arrived again, with the same content.
insert into message_repeat (message_id, received_at) select * from unnest($1::text[], $2::timestamptz[])

-- name: append_repeat_in_file
-- Note that a message already held arrived again at this place of a file; once, however often the file is read.
insert into message_repeat (message_id, received_at, transmission_id, bytes_offset) values ($1, $2, $3, $4) on conflict do nothing

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

-- name: append_facts
-- Append events of one message and queue them for the owners of their partitions, in order; lay the identifiers behind their
-- surrogates by, until the file is whole.
with logged as (
    insert into event (id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload)
    select * from unnest($1::event_row[])
), kept as (
    insert into secret_arriving (token, kind, sealed) select * from unnest($2::secret_row[])
)
insert into inbox (partition, event_id)
select partition, id from unnest($1::event_row[]) with ordinality
    e(id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload, place)
order by place

-- name: lay_secrets_by
-- Where a transaction lays the identifiers of a file by: its session's own, empty again at its end.
create temporary table if not exists secret_arriving (token text, kind text, sealed bytea) on commit delete rows

-- name: secrets_arrived
-- The identifiers that this transaction laid by, in the one order in which everybody locks them.
select token, kind, sealed from secret_arriving order by token

-- name: keep_secrets
-- Keep sealed identifiers behind their surrogates, of which the first one stays.
insert into vault (token, kind, sealed) select * from unnest($1::secret_row[]) on conflict do nothing

-- name: append_totals
-- What a message says it is worth.
insert into control_total (message_id, name, items_count, amount_minor) select * from unnest($1::control_total_row[])

-- name: find_identity_holder
-- Which message holds an identity, and the digest of its content.
select message_id, sha256 from message_identity where identity = $1

-- name: append_transmission_repeats
-- A file came again, byte for byte: so did each of its messages, and those it repeated. The reply that its sender is owed again.
with again as (
    select id, reply_name, reply from transmission where source = $1 and sha256 = $2
), noted as (
    insert into message_repeat (message_id, received_at)
    select m.id, $3::timestamptz from message m join again on again.id = m.transmission_id
    union all
    select r.message_id, $3::timestamptz from message_repeat r join again on again.id = r.transmission_id
)
select id, reply_name, reply from again

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

-- name: read_watermark
-- How far a source that is asked has been read; no row before the first.
select watermark from source_watermark where source = $1

-- name: keep_watermark
-- Move the watermark of a source on; no row where another worker has moved it meanwhile.
insert into source_watermark as kept (source, watermark) values ($1, $3)
on conflict (source) do update set watermark = excluded.watermark, kept_at = now() where kept.watermark = $2
returning source

-- name: transmission_verdict
-- What became of a transmission that a source sent before: each of its messages, with the exceptions it opened.
select m.id, m.format, m.type, m.control_id, m.status,
    array(select array[w.code, w.path, w.explanation] from work_item w where w.message_id = m.id and w.event_id = '' order by w.id) as reasons
from transmission t join message m on m.transmission_id = t.id
where t.source = $1 and t.sha256 = $2
order by m.bytes_offset, m.id
