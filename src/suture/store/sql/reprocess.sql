-- `message_id <> ''` is said wherever a message's exceptions are looked up: their index is of those alone.

-- name: find_messages
-- Messages by id, in the order they came; a fragment is what is left of a message that broke off ($2: the codes that say so).
select m.id, m.source, m.format, m.type, m.status, m.sha256, m.bytes_count, m.received_at, m.transmission_id, m.bytes_offset,
    m.events_count,
    exists (select from work_item w where w.message_id = m.id and w.message_id <> '' and w.code = any($2::text[])) as is_fragment
from message m where m.id = any($1::text[]) order by m.received_at, m.id

-- name: lock_message
-- Hold a message against whoever else reprocesses it; its verdict so far.
select status from message where id = $1 for update

-- name: lock_transmission
-- Hold a file against whoever else reprocesses a message of it.
select id from transmission where id = $1 for update

-- name: messages_of_file
-- The messages of a file and the place of each in it: those of $2, or all where that is null.
select id, type, status, bytes_offset from message
where transmission_id = $1 and ($2::text[] is null or id = any($2::text[])) order by bytes_offset, id

-- name: open_message_faults
-- Why messages are not accepted, as their open exceptions say.
select message_id, code, path, explanation from work_item
where message_id = any($1::text[]) and message_id <> '' and event_id = '' and stream = '' and delivery_id is null
    and resolved_at is null
order by id

-- name: rejudge_message
-- A new verdict on a message that was not accepted, in its place; its open exceptions are closed. A sender who was refused and sends
-- the same again gets the new reply.
with judged as (
    update message set format = $2, type = $3, control_id = $4, status = $5, bytes_count = $6, events_count = $7,
        reply = case when status = 'rejected' and transmission_id is null then $8 else reply end
    where id = $1 and status <> 'accepted' returning id
), forgotten as (
    delete from control_total t using judged where t.message_id = judged.id
), closed as (
    update work_item w set resolved_at = now(), resolution = $9 from judged
    where w.message_id = judged.id and w.message_id <> '' and w.event_id = '' and w.stream = '' and w.delivery_id is null
        and w.resolved_at is null
)
select (
    select count(*) from work_item w where w.message_id = judged.id and w.message_id <> '' and w.event_id = '' and w.stream = ''
) as items_count from judged

-- name: close_message_items
-- Close the open exceptions of a message that another one says.
update work_item set resolved_at = now(), resolution = $2
where message_id = $1 and message_id <> '' and event_id = '' and stream = '' and delivery_id is null and resolved_at is null

-- name: resolve_superseded_before
-- As `resolve_superseded`, only of messages that came before this one: a later one that corrects it is somebody's to look at.
update work_item w set resolved_at = now(), resolution = $3
from message_named n join message m on m.id = n.message_id
where n.identity = any($1::text[]) and m.source = $2 and m.received_at < $4 and m.status <> 'accepted' and w.message_id = m.id
    and w.message_id <> '' and w.event_id = '' and w.resolved_at is null

-- name: tell_event_again
-- Queue once more the fact of an event that could not be handled, as an event of its own below it; close its exception, note who did it.
with failed as (
    update work_item w set resolved_at = now(), resolution = $3
    where w.id = $1 and w.code = $2 and w.resolved_at is null and exists (select from event e where e.id = w.event_id)
    returning w.event_id
), told as (
    insert into event (id, message_id, stream, partition, type, source, path, stamp, received_at_ms, payload)
    select e.id || '.00', e.message_id, e.stream, e.partition, e.type, e.source, e.path, e.stamp, e.received_at_ms, e.payload
    from event e join failed f on f.event_id = e.id
    returning id, partition
), arrived as (
    insert into inbox (partition, event_id) select partition, id from told
), noted as (
    insert into operator_act (os_user, host, act, subject, reason) select $4, $5, 'reprocessed', f.event_id, $6 from failed f
)
select id from told
