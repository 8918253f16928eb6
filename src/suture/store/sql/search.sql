-- name: find_messages_by_trace
-- Messages of a payment by the payer's trace number (TRN02): who holds it first, then those that named it and were not accepted.
select message_id from (
    select message_id, 0 as place from message_identity where identity like 'remittance:%' and right(identity, length($1) + 1) = ':' || $1
    union all
    select message_id, 1 from message_named where identity like 'remittance:%' and right(identity, length($1) + 1) = ':' || $1
) found group by message_id order by min(place), message_id limit $2

-- name: find_streams
-- Those of these streams that anything was told to.
select s.stream from unnest($1::text[]) s(stream) where exists (select from event e where e.stream = s.stream) order by s.stream

-- name: find_names
-- The sealed names of the files that came last.
select id, sealed_name from transmission order by id desc limit $1

-- name: trace_transmission
-- A file as it came, without its bytes and its name.
select id, source, bytes_count, received_at, encode(sha256, 'hex') as sha256, reply_name from transmission where id = $1

-- name: trace_transmission_messages
-- The messages of a file, in their order.
select id, type, control_id, status, events_count from message where transmission_id = $1 order by bytes_offset, id limit $2

-- name: count_transmission_messages
-- How many messages a file held.
select count(*) as messages_count from message where transmission_id = $1

-- name: trace_release
-- Each time a version of the estate came into force, and what was decided and booked under it.
select r.number, r.activated_at, r.note, r.number = (select max(number) from release) as in_force,
    (select count(*) from log l where l.release = r.id) as events_count,
    (select count(*) from entry e where e.release = r.id) as entries_count
from release r where r.id = $1 order by r.number

-- name: trace_stream_work_items
-- Everything that was ever opened about a stream.
select id, event_id, code, path, explanation, remedy, amount_minor, opened_at, resolved_at, resolution
from work_item where stream = $1 order by opened_at, id limit $2

-- name: first_journal
-- The first journal there is, for somebody to begin with.
select reference from journal order by created_at, reference limit 1
